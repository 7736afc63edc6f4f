"""Whether texts follow each other is learned from documents, alone and beside masked tokens."""

import numpy as np
import pytest
import torch
import transformers

from hornbook.errors import DataError
from hornbook.models import (
    BertMaskedLM,
    BertMaskedLMAndNextSentence,
    BertNextSentencePredictor,
    MaskedLMAndNextSentence,
    NextSentencePredictor,
)
from tasks.tiny_encoder import TEXTS, tiny

DOCUMENTS = ["\n".join(TEXTS[:2]), "\n".join(TEXTS[2:]), "\n".join(TEXTS[1:3])]


def test_it_learns_from_documents_and_from_pairs():
    task = tiny(BertNextSentencePredictor, 48, {"seed": 1})
    history = task.fit(DOCUMENTS, epochs=30, batch_size=3, verbose=0).history
    assert np.mean(history["loss"][-5:]) < np.mean(history["loss"][:5])
    pairs = [(TEXTS[0], TEXTS[1]), (TEXTS[0], TEXTS[3])]
    task.fit(pairs, [0, 1], epochs=20, verbose=0)
    assert task.evaluate(pairs, [0, 1], verbose=0, return_dict=True)["accuracy"] == 1
    assert task.predict(pairs, verbose=0).argmax(axis=1).tolist() == [0, 1]
    with pytest.raises(TypeError, match="from_preset"):
        NextSentencePredictor(task.backbone)


def test_both_heads_learn_and_are_those_of_transformers(tmp_path):
    task = tiny(BertMaskedLMAndNextSentence, 48, {"seed": 1})
    history = task.fit(DOCUMENTS, epochs=20, batch_size=2, verbose=0).history
    assert set(history) == {
        "loss", "masked_lm_loss", "next_sentence_loss", "masked_lm_perplexity",
        "next_sentence_accuracy",
    }  # fmt: skip
    assert history["masked_lm_loss"][-1] < history["masked_lm_loss"][0]
    assert history["loss"][-1] == pytest.approx(
        history["masked_lm_loss"][-1] + history["next_sentence_loss"][-1], rel=1e-4
    )

    task.save_to_preset(tmp_path)
    pair = ("Ada [MASK] met Charles Babbage", TEXTS[1])
    theirs, report = transformers.BertForPreTraining.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not any(report.values())
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    inputs = tokenizer(*pair, return_tensors="pt")
    with torch.no_grad():
        expected = theirs.eval()(**inputs)
    outputs = MaskedLMAndNextSentence.from_preset(tmp_path).predict([pair], verbose=0)
    place = inputs["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    np.testing.assert_allclose(
        outputs["masked_lm"][0, 0], expected.prediction_logits[0, place].numpy(), atol=1e-4
    )
    np.testing.assert_allclose(
        outputs["next_sentence"], expected.seq_relationship_logits.numpy(), atol=1e-4
    )
    masked = BertMaskedLM.from_preset(tmp_path).fill_mask(pair[0], top_k=1)
    assert 0 < masked[0]["score"] <= 1
    assert NextSentencePredictor.from_preset(tmp_path).predict([pair], verbose=0).shape == (1, 2)


def test_labels_of_documents_are_refused():
    task = tiny(BertNextSentencePredictor, 48)
    with pytest.raises(DataError, match="labelled as they are made"):
        task.fit(DOCUMENTS, [0, 1, 0], verbose=0)
    task = tiny(BertMaskedLMAndNextSentence, 48)
    with pytest.raises(DataError, match="expected documents"):
        task.fit([(TEXTS[0], TEXTS[1])], verbose=0)
