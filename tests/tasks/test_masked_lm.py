"""Masked tokens are guessed as transformers guesses them, and only their logits are computed."""

import keras
import numpy as np
import pytest
import transformers

from hornbook.errors import CheckpointError, DataError, HornbookWarning
from hornbook.losses.projected_logits import ProjectedLogits
from hornbook.models import BertBackbone, BertMaskedLM, BertTextClassifier, MaskedLM
from tasks.tiny_encoder import TEXTS, tiny

MASKED = [text.replace("London", "[MASK]").replace("Zürich", "[MASK]") for text in TEXTS[:2]]


@pytest.fixture(scope="module")
def trained():
    task = tiny(BertMaskedLM, preprocessing={"mask_selection_rate": 0.3, "seed": 3})
    history = task.fit(TEXTS, epochs=40, batch_size=4, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["perplexity"][-1] < history["perplexity"][0]
    return task


def test_masks_are_filled_as_transformers_fills_them(trained, tmp_path):
    trained.save_to_preset(tmp_path)
    theirs = transformers.pipeline("fill-mask", str(tmp_path), device="cpu")
    text = "Ada Lovelace [MASK] Charles Babbage in [MASK] ."
    for given in [*MASKED, text]:
        ours, expected = trained.fill_mask(given, top_k=3), theirs(given, top_k=3)
        for one, other in zip(flat(ours), flat(expected), strict=True):
            assert one["token"] == other["token"]
            assert one["score"] == pytest.approx(other["score"], abs=1e-4)
            assert one["token_str"] == other["token_str"]
            assert one["sequence"].replace(" ", "") == other["sequence"].replace(" ", "")
    assert tokens(trained.fill_mask(MASKED, 3)[1]) == tokens(trained.fill_mask(MASKED[1], 3))
    again = MaskedLM.from_preset(tmp_path)
    assert tokens(again.fill_mask(text, 2)) == tokens(trained.fill_mask(text, 2))


def flat(found):
    return [one for part in found for one in (part if isinstance(part, list) else [part])]


def tokens(found):
    return [one["token"] for one in flat(found)]


def test_a_text_without_a_mask_is_refused(trained):
    with pytest.raises(DataError, match=r"put '\[MASK\]' where"):
        trained.fill_mask("Nobody was there .")
    with pytest.raises(DataError, match="among its first 24 tokens"):
        trained.fill_mask("there " * 30 + "[MASK]")


def test_training_makes_no_logits(trained):
    x, y, weights = trained.preprocessor(TEXTS)
    with trained._handing_on_factors():
        assert isinstance(trained(x), ProjectedLogits)
    assert trained(x).shape == (*y.shape, trained.backbone.config.vocabulary_size)
    # The loss is the mean over masked tokens alone.
    logits = keras.ops.convert_to_numpy(trained(x))
    losses = keras.ops.convert_to_numpy(
        keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
    )
    loss = trained.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx((losses * weights).sum() / weights.sum(), rel=1e-4)


def test_untied_weights_go_both_ways(tmp_path):
    config = transformers.BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=9, tie_word_embeddings=False,
    )  # fmt: skip
    theirs = transformers.BertForMaskedLM(config).eval()
    theirs.cls.predictions.decoder.bias.data.normal_()
    theirs.save_pretrained(tmp_path / "theirs")
    ours = BertMaskedLM.from_preset(tmp_path / "theirs")
    ids = np.arange(6)[None] + 5
    inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
    outputs = keras.ops.convert_to_numpy(ours({**inputs, "mask_positions": np.arange(6)[None]}))
    ours.save_to_preset(tmp_path / "ours")
    again, report = transformers.BertForMaskedLM.from_pretrained(
        tmp_path / "ours", output_loading_info=True
    )
    assert not any(report.values())
    for model in (theirs, again.eval()):
        logits = model(theirs.dummy_inputs["input_ids"].new_tensor(ids)).logits
        np.testing.assert_allclose(outputs, logits.detach().numpy(), atol=1e-5)


def test_another_task_goes_on_from_a_pretrained_encoder(trained, tmp_path):
    trained.save_to_preset(tmp_path)
    with pytest.warns(HornbookWarning, match=r"classifier/bias, classifier/kernel, pooler/bias"):
        classifier = BertTextClassifier.from_preset(tmp_path)
    assert classifier.backbone.assembly.pooler.trainable
    classifier.save_to_preset(tmp_path / "classifier")
    with pytest.raises(CheckpointError, match="missing from the checkpoint: cls"):
        BertMaskedLM.from_preset(tmp_path / "classifier")


def test_a_class_without_a_family_is_only_for_loading():
    backbone = BertBackbone(
        vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
    )
    with pytest.raises(TypeError, match="from_preset"):
        MaskedLM(backbone)
    with pytest.raises(DataError, match="no tokenizer"):
        BertMaskedLM(backbone).fill_mask(TEXTS)
