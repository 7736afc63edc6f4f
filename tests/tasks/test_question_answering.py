"""Answers are found where they were learned to be, in the text's own characters."""

import json

import keras
import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.metrics import AnswerF1, ExactMatch
from hornbook.models import (
    BertQuestionAnswering,
    DistilBertBackbone,
    DistilBertQuestionAnswering,
    QuestionAnswering,
)
from tasks.tiny_encoder import TEXTS, tiny

QUESTIONS = ["In London ?", "studied physics ?", "moved to Paris ?", "was there ?"]
CONTEXTS = [TEXTS[0], TEXTS[1], TEXTS[3], TEXTS[2]]
ANSWERS = [(0, "Ada Lovelace"), (12, "Albert Einstein"), (6, "Marie Curie"), None]


@pytest.fixture(scope="module")
def trained():
    task = tiny(BertQuestionAnswering, sequence_length=48)
    history = task.fit((QUESTIONS, CONTEXTS), ANSWERS, epochs=40, batch_size=4, verbose=0)
    assert history.history["span_accuracy"][-1] == 1.0
    return task


def test_answers_are_found(trained):
    found = trained.answer(QUESTIONS, CONTEXTS, unanswerable=True)
    texts = ["" if answer is None else answer[1] for answer in ANSWERS]
    assert [answer["text"] for answer in found] == texts
    for context, answer in zip(CONTEXTS, found, strict=True):
        assert context[answer["start"] : answer["end"]] == answer["text"]
        assert 0.2 < answer["score"] <= 1
    for metric in (ExactMatch(), AnswerF1()):
        metric.update_state(texts, [answer["text"] for answer in found])
        assert float(metric.result()) == 1
    assert trained.answer(QUESTIONS[0], CONTEXTS[0], unanswerable=True)["text"] == texts[0]


def brute_force(task, question, context, longest):
    """All spans of a context that is one row, with their scores, the best first."""
    windows = task.preprocessor.windows([question], [context])
    [logits] = keras.ops.convert_to_numpy(task(windows.features))
    [places] = windows.offsets
    spans = {}
    for first in range(len(places)):
        for last in range(first, min(first + longest, len(places))):
            (start, behind), (begin, end) = places[first], places[last]
            if start >= 0 and begin >= 0 and start < behind and begin < end:
                spans[int(start), int(end)] = logits[0, first] + logits[1, last]
    return sorted(spans.items(), key=lambda span: -span[1])


def test_the_best_spans_are_those_of_all(trained):
    expected = brute_force(trained, QUESTIONS[0], CONTEXTS[0], 4)[:20]
    found = trained.answer(QUESTIONS[0], CONTEXTS[0], top_k=50, max_answer_tokens=4)
    assert [(answer["start"], answer["end"]) for answer in found] == [span for span, _ in expected]
    weights = np.exp([score for _, score in expected])
    scores = [answer["score"] for answer in found]
    np.testing.assert_allclose(scores, weights / weights.sum(), rtol=1e-3)


def test_a_long_context_is_read_in_windows(trained):
    preprocessor = type(trained.preprocessor)(trained.preprocessor.tokenizer, 40, stride=12)
    reader = type(trained)(trained.backbone, preprocessor)
    reader.set_weights(trained.get_weights())
    # The answer stands beyond the first windows; what comes before it holds no name.
    before = "Nobody was there . " * 12
    windows = preprocessor.windows([QUESTIONS[1]], [before + TEXTS[1]])
    assert len(windows.examples) > 3
    answer = reader.answer(QUESTIONS[1], before + TEXTS[1], batch_size=2)
    assert (before + TEXTS[1])[answer["start"] : answer["end"]] == answer["text"]
    assert answer["start"] >= len(before)
    rows, labels, _ = reader.read_examples(
        ([QUESTIONS[1]], [before + TEXTS[1]]), [(len(before) + 12, "Albert Einstein")]
    )
    assert len(rows["token_ids"]) == len(labels) == len(windows.examples)
    assert 0 < (labels[:, 0] > 0).sum() < len(labels)


def test_a_context_without_words_has_no_answer(trained):
    assert trained.answer("who?", "   ") == {"text": "", "start": 0, "end": 0, "score": 0.0}


def test_evaluation_and_validation_take_raw_text(trained):
    x = QUESTIONS, CONTEXTS
    assert trained.evaluate(x, ANSWERS, verbose=0, return_dict=True)["span_accuracy"] == 1
    task = tiny(BertQuestionAnswering, sequence_length=32)
    history = task.fit(
        x, ANSWERS, verbose=0, validation_data=(x, ANSWERS), sample_weight=[1, 1, 1, 0]
    )
    assert "val_loss" in history.history
    assert trained.predict(x, verbose=0).shape == (4, 2, 48)


def test_it_is_saved_and_loaded(trained, tmp_path):
    trained.save_to_preset(tmp_path)
    again = QuestionAnswering.from_preset(tmp_path)
    assert again.preprocessor.stride == trained.preprocessor.stride
    found = again.answer(QUESTIONS, CONTEXTS)
    expected = trained.answer(QUESTIONS, CONTEXTS)
    assert [answer["text"] for answer in found] == [answer["text"] for answer in expected]


def test_dropout_is_kept_in_a_preset(tmp_path):
    backbone = DistilBertBackbone(
        vocabulary_size=20, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=12
    )
    assert DistilBertQuestionAnswering(backbone).get_layer("dropout").rate == 0.1
    DistilBertQuestionAnswering(backbone, dropout=0.25).save_to_preset(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["qa_dropout"] == 0.25
    (tmp_path / "hornbook.json").unlink()
    assert QuestionAnswering.from_preset(tmp_path).get_layer("dropout").rate == 0.25


def test_bad_input(trained):
    with pytest.raises(DataError, match="has no tokenizer"):
        BertQuestionAnswering(trained.backbone).answer("a", "b")
    with pytest.raises(DataError, match="is not at character 1"):
        trained.fit((["a"], ["b c"]), [(1, "b")], verbose=0)
