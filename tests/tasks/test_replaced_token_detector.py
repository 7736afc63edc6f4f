"""Replaced tokens are told from others, as by the original with the same weights."""

import numpy as np
import pytest
import torch
import transformers

from hornbook.errors import DataError
from hornbook.models import (
    ElectraBackbone,
    ElectraReplacedTokenDetector,
    ElectraReplacedTokenDetectorPreprocessor,
    ElectraTokenizer,
    ReplacedTokenDetector,
)
from tasks.tiny_encoder import TEXTS, tokenizer


def detector(preprocessor=None):
    backbone = ElectraBackbone(
        vocabulary_size=120, num_layers=1, num_heads=2, hidden_dim=24, intermediate_dim=32,
        embedding_dim=12, max_sequence_length=64, dropout=0.0, initializer_range=0.2,
    )  # fmt: skip
    return ElectraReplacedTokenDetector(backbone, preprocessor)


def reader(**options):
    words = ElectraTokenizer(tokenizer().get_vocabulary())
    return ElectraReplacedTokenDetectorPreprocessor(words, 24, **options)


def test_it_learns_from_texts_and_is_that_of_transformers(tmp_path):
    task = detector(reader(seed=1))
    task.optimizer.learning_rate = 0.01
    history = task.fit(TEXTS, epochs=60, batch_size=4, verbose=0).history
    assert np.mean(history["loss"][-10:]) < 0.8 * np.mean(history["loss"][:5])
    assert 0.6 < np.mean(history["auc"][-10:]) <= 1

    task.save_to_preset(tmp_path)
    theirs, report = transformers.ElectraForPreTraining.from_pretrained(
        tmp_path, output_loading_info=True
    )
    assert not any(report.values())
    inputs = transformers.AutoTokenizer.from_pretrained(tmp_path)(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        expected = theirs.eval()(**inputs).logits.sigmoid()[0]
    found = ReplacedTokenDetector.from_preset(tmp_path).detect(TEXTS[0])
    assert [token["token"] for token in found] == inputs["input_ids"][0].tolist()
    assert (found[0]["token_str"], found[-1]["token_str"]) == ("[CLS]", "[SEP]")
    np.testing.assert_allclose([token["score"] for token in found], expected.numpy(), atol=1e-5)


def test_several_texts_are_as_each_alone():
    task = detector(reader())
    alone = [task.detect(text) for text in TEXTS]
    for one, other in zip(task.detect(TEXTS, batch_size=3), alone, strict=True):
        assert [token["token"] for token in one] == [token["token"] for token in other]
        np.testing.assert_allclose(
            [token["score"] for token in one], [token["score"] for token in other], atol=1e-5
        )


def test_what_it_cannot_do_is_said():
    task = detector()
    with pytest.raises(DataError, match="no tokenizer"):
        task.detect("a")
    with pytest.raises(TypeError, match="from_preset"):
        ReplacedTokenDetector(task.backbone)
