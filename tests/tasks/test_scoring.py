"""Scores are what a naive pass over all logits gives, however texts are given and batched."""

import keras
import numpy as np
import pytest

from generation.tiny_task import MAXIMUM, TEXTS, tiny_task
from hornbook.errors import DataError, GenerationError
from hornbook.tasks import scoring


@pytest.fixture(scope="module")
def task():
    return tiny_task()


def naive(task, ids):
    """The log-probability of each token but the first, from the logits of the whole text."""
    ids = np.array([ids], "int32")
    logits = task({"token_ids": ids, "padding_mask": np.ones_like(ids)})
    scores = keras.ops.convert_to_numpy(keras.ops.log_softmax(logits))[0]
    return scores[np.arange(ids.size - 1), ids[0, 1:]]


def test_texts(task):
    tokenizer = task.preprocessor.tokenizer
    for batch_size in (1, 2, 32):
        for text, scores in zip(TEXTS, task.score(TEXTS, batch_size=batch_size), strict=True):
            ids = tokenizer.encode(text)
            assert scores.token_ids.tolist() == ids[1:]
            np.testing.assert_allclose(scores.log_probabilities, naive(task, ids), rtol=1e-4)
            assert scores.log_probabilities.dtype == np.float32
            assert scores.total == pytest.approx(scores.log_probabilities.sum(), rel=1e-5)
    alone = task.score(TEXTS[1])
    assert alone.perplexity == pytest.approx(np.exp(-alone.log_probabilities.mean()), rel=1e-5)


def test_pieces_are_projected_alone(task, monkeypatch):
    whole = task.score(TEXTS)
    monkeypatch.setattr(scoring, "PIECE_TOKENS", 5)
    for ours, theirs in zip(task.score(TEXTS), whole, strict=True):
        np.testing.assert_allclose(ours.log_probabilities, theirs.log_probabilities, rtol=1e-4)


def test_a_start_token_makes_the_first_token_likely_or_not(task):
    preprocessor = type(task.preprocessor)(
        task.preprocessor.tokenizer, sequence_length=40, add_start_token=True
    )
    with_start = type(task)(task.backbone, preprocessor)
    ids = preprocessor.tokenizer.encode(TEXTS[1])
    scores = with_start.score(TEXTS[1])
    assert scores.token_ids.tolist() == ids
    start = preprocessor.tokenizer.start_token_id
    np.testing.assert_allclose(scores.log_probabilities, naive(task, [start, *ids]), rtol=1e-4)


@pytest.mark.parametrize(
    ("prompt", "continuation"),
    [
        ("Whoever reads", " the page"),
        ("Whoever reads ", "the page"),
        ("A ho", "rn"),
        ("", "A horn"),
    ],
)
def test_a_continuation_s_tokens_alone_are_scored(task, prompt, continuation):
    scores = task.score(prompt, continuation)
    whole = task.score(prompt + continuation)
    count = len(scores.token_ids)
    assert (scores.token_ids == whole.token_ids[-count:]).all()
    expected = whole.log_probabilities[-count:]
    np.testing.assert_allclose(scores.log_probabilities, expected, rtol=1e-5)
    text = task.preprocessor.tokenizer.detokenize(scores.token_ids)
    if prompt:
        assert text.strip().endswith(continuation.strip())
        assert len(text.strip()) <= len(continuation.strip()) + 2
    [listed] = task.score([prompt], [continuation])
    assert (listed.log_probabilities == scores.log_probabilities).all()


def test_an_empty_continuation_has_no_tokens(task):
    scores = task.score("A horn", "")
    assert scores.token_ids.size == scores.total == 0
    assert scores.perplexity == 1


def test_token_ids(task):
    ids = np.random.default_rng(0).integers(0, 200, (3, 9)).astype("int32")
    lengths = np.array([9, 1, 4])
    mask = np.arange(9) < lengths[:, None]
    scores = task.score({"token_ids": ids, "padding_mask": mask})
    assert scores.shape == ids.shape
    assert (scores[:, 0] == 0).all()
    assert (scores[~mask] == 0).all()
    for row, tokens, length in zip(scores, ids, lengths, strict=True):
        np.testing.assert_allclose(row[1:length], naive(task, tokens[:length]), rtol=1e-4)
    one = task.score({"token_ids": ids[2, :4], "padding_mask": mask[2, :4]})
    np.testing.assert_allclose(one, scores[2, :4], rtol=1e-5)


def test_a_changed_model_scores_anew():
    task = tiny_task()
    before = task.score(TEXTS[1]).log_probabilities
    task.backbone.enable_lora(2)
    np.testing.assert_allclose(task.score(TEXTS[1]).log_probabilities, before, rtol=1e-4)
    generator = np.random.default_rng(0)
    for variable in task.trainable_variables:
        variable.assign(generator.normal(size=variable.shape))
    assert np.abs(task.score(TEXTS[1]).log_probabilities - before).max() > 0.01


def test_what_cannot_be_scored(task):
    with pytest.raises(GenerationError, match=r"has \d+ tokens"):
        task.score("♥ " * MAXIMUM)
    ids = np.ones((1, MAXIMUM + 1), "int32")
    with pytest.raises(GenerationError, match=f"{MAXIMUM + 1} tokens.*{MAXIMUM} positions"):
        task.score({"token_ids": ids, "padding_mask": ids})
    with pytest.raises(DataError, match="2 prompts, but 1 continuations"):
        task.score(["a", "b"], ["c"])
    with pytest.raises(DataError, match="scored of texts"):
        task.score({"token_ids": ids, "padding_mask": ids}, "a")
    with pytest.raises(DataError, match="batch_size is 0"):
        task.score("a", batch_size=0)
    assert task.score([]) == []
