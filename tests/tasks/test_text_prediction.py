"""Texts of like length share a batch, whatever their order, and results come in that order."""

import keras
import numpy as np
import pytest

from hornbook.layers.unpadding import leaves_out_padding
from hornbook.models import BertTextEmbedder
from hornbook.tasks.text_prediction import batches_by_length
from tasks.tiny_encoder import TEXTS, tiny

RAGGED = [int(length) for length in np.random.default_rng(0).lognormal(5.5, 1.0, 100)]


def padding(lengths, rows):
    return 1 - sum(lengths[row] for row in rows) / (max(lengths[row] for row in rows) * len(rows))


def test_batches_hold_every_text_once():
    for lengths in (RAGGED, [300] * 70, [5], []):
        batches = list(batches_by_length(lengths, 32))
        assert sorted(row for rows in batches for row in rows) == list(range(len(lengths)))
        assert all(len(rows) <= 32 for rows in batches)
        sizes = [lengths[row] for rows in batches for row in rows]
        assert sizes == sorted(sizes)


def test_only_batches_with_much_padding_are_halved():
    assert [len(rows) for rows in batches_by_length([300] * 70, 32)] == [32, 32, 6]
    assert [len(rows) for rows in batches_by_length([*range(1, 65)], 32)] == [32, 32]
    assert [len(rows) for rows in batches_by_length(RAGGED[:32], 32, 1.0)] == [32]
    assert len(list(batches_by_length([1, 10**9], 1))) == 2
    batches = list(batches_by_length(RAGGED[:32], 32))
    assert len(batches) > 1
    for rows in batches:
        assert len(rows) >= 4
        assert len(rows) < 8 or padding([max(size, 64) for size in RAGGED], rows) <= 0.25


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_vectors_do_not_depend_on_what_shares_a_batch(batch_size):
    task = tiny(BertTextEmbedder, sequence_length=64)
    texts = [" ".join(TEXTS[:count]) for count in (4, 1, 3, 2, 4, 1)] + ["there", "Paris"] * 5
    alone = [task.embed(text) for text in texts]
    np.testing.assert_allclose(task.embed(texts, batch_size), alone, atol=1e-5)
    inputs = task.preprocessor(texts)
    np.testing.assert_allclose(
        task.embed(texts, batch_size), task.predict_on_batch(inputs), atol=1e-5
    )
    assert leaves_out_padding(task.backbone) == (keras.backend.backend() == "torch")
