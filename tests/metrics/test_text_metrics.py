"""BLEU, ROUGE and edit distance against their packages, their definitions and known values."""

import re
import sys
from collections import Counter
from functools import cache, partial

import keras
import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from hornbook.errors import BackendError, DataError
from hornbook.metrics import Bleu, EditDistance, RougeL, RougeN
from hornbook.tokenizers import ByteTokenizer

REFERENCES = [
    ["The Congress has met again, and I congratulate you.", "Congress meets again; well done!"],
    ["It is our duty to preserve the peace of the nation."],
    ["Our debt was reduced by $4.5 million (12%) last year.", "The debt fell.", "We owe less."],
]
TEXTS = [
    "The Congress has met once again, and I congratulate all of you.",
    "It's our duty to keep the peace of this nation.",
    "Our debt was reduced by $4.5 million last year, that is 12%.",
]
FRUIT = [["He eats a sweet apple."], ["Silicon Valley is one of my favourite shows!"]]
SHOWS = [
    "He He He eats sweet apple which is a fruit.",
    "I love Silicon Valley, it's one of my favourite shows.",
]


def value(metric, *batches):
    for batch in batches:
        metric.update_state(*batch)
    result = metric.result()
    if isinstance(result, dict):
        return {name: float(part) for name, part in result.items()}
    return float(result)


@pytest.mark.parametrize("order", [1, 2, 4, 5])
@pytest.mark.parametrize("smooth", [False, True])
def test_bleu_is_sacrebleu_s_however_texts_are_batched(order, smooth):
    scorer = BLEU(
        smooth_method="add-k" if smooth else "none",
        smooth_value=1 if smooth else None,
        max_ngram_order=order,
        force=True,
    )
    streams = [[row[i] if i < len(row) else None for row in REFERENCES] for i in range(3)]
    expected = scorer.corpus_score(TEXTS, streams).score / 100
    make = lambda: Bleu(max_order=order, smooth=smooth)  # noqa: E731
    assert value(make(), (REFERENCES, TEXTS)) == pytest.approx(expected, rel=1e-6)
    batches = [([row], [text]) for row, text in zip(REFERENCES, TEXTS, strict=True)]
    assert value(make(), *batches) == pytest.approx(expected, rel=1e-6)


def test_bleu_of_known_texts():
    assert value(Bleu(), (FRUIT, SHOWS)) == pytest.approx(0.243, abs=5e-4)
    assert value(Bleu(max_order=5), (FRUIT, SHOWS)) == pytest.approx(0.188, abs=5e-4)
    more = (["Virat Kohli is the GOAT."], "Virat Kohli is the greatest of all time!")
    assert value(Bleu(), (FRUIT, SHOWS), more) == pytest.approx(0.260, abs=5e-4)
    bytes_ = Bleu(tokenizer=ByteTokenizer())
    assert value(bytes_, (FRUIT, SHOWS)) == pytest.approx(0.609, abs=5e-4)
    words = Bleu(tokenizer=str.split)
    assert value(words, (["a b c d e f"], "a b c d e f")) == pytest.approx(1.0)


def test_bleu_takes_many_forms():
    expected = value(Bleu(), (FRUIT, SHOWS))
    flat = [row[0] for row in FRUIT]
    for references, texts in (
        (flat, SHOWS),
        (np.array(FRUIT), np.array(SHOWS)),
        ([[row] for row in FRUIT], [[text] for text in SHOWS]),
        (np.array(FRUIT, object), [text.encode() for text in SHOWS]),
    ):
        assert value(Bleu(), (references, texts)) == pytest.approx(expected)
    assert value(Bleu(), (flat[0], SHOWS[0])) == value(Bleu(), ([flat[0]], SHOWS[0]))
    with pytest.raises(DataError, match="2 texts, but references of 3"):
        Bleu().update_state([["a"], ["b"], ["c"]], ["a", "b"])
    with pytest.raises(DataError, match="max_order is 0"):
        Bleu(max_order=0)


def words_of(text):
    return re.findall("[a-z0-9]+", text.lower())


def scores(common, reference, text):
    precision, recall = common / max(text, 1), common / max(reference, 1)
    total = precision + recall
    return precision, recall, 2 * precision * recall / total if total else 0.0


def naive_rouge_n(reference, text, order):
    grams = [
        Counter(zip(*(words[i:] for i in range(order)), strict=False))
        for words in (words_of(reference), words_of(text))
    ]
    return scores((grams[0] & grams[1]).total(), grams[0].total(), grams[1].total())


def naive_rouge_l(reference, text):
    first, second = words_of(reference), words_of(text)

    @cache
    def common(i, j):
        if i == len(first) or j == len(second):
            return 0
        if first[i] == second[j]:
            return 1 + common(i + 1, j + 1)
        return max(common(i + 1, j), common(i, j + 1))

    return scores(common(0, 0), len(first), len(second))


PAIRS = [(row[0], text) for row, text in zip(REFERENCES, TEXTS, strict=True)]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_rouge_n_is_the_mean_of_its_definition(order):
    expected = np.mean([naive_rouge_n(*pair, order) for pair in PAIRS], axis=0)
    actual = value(RougeN(order), *[([pair[0]], [pair[1]]) for pair in PAIRS])
    assert list(actual) == ["precision", "recall", "f1_score"]
    assert list(actual.values()) == pytest.approx(expected.tolist(), rel=1e-6)
    whole = value(RougeN(order), tuple(map(list, zip(*PAIRS, strict=True))))
    assert whole == pytest.approx(actual)


def test_rouge_l_is_the_mean_of_its_definition():
    expected = np.mean([naive_rouge_l(*pair) for pair in PAIRS], axis=0)
    actual = value(RougeL(), tuple(map(list, zip(*PAIRS, strict=True))))
    assert list(actual.values()) == pytest.approx(expected.tolist(), rel=1e-6)


def test_rouge_of_known_texts():
    references = ["the tiny little cat was found under the big funny bed", "i really love jam"]
    texts = ["the cat was under the bed", "i love jam"]
    expected = {"precision": (0.4 + 0.5) / 2, "recall": (0.2 + 1 / 3) / 2, "f1_score": 1 / 3}
    assert value(RougeN(), (references, texts)) == pytest.approx(expected, rel=1e-5)
    assert value(RougeN(1, use_stemmer=True), ("running cats", "run cat"))["recall"] == 1.0
    assert value(RougeN(1), ("running cats", "run cat"))["recall"] == 0.0
    assert set(value(RougeL()).values()) == {0.0}
    with pytest.raises(DataError, match="order is 10"):
        RougeN(order=10)
    with pytest.raises(DataError, match="2 texts, but 1 references"):
        RougeL().update_state(["a"], ["a", "b"])
    with pytest.raises(DataError, match=r"Got 3 where a text"):
        RougeL().update_state(["a"], [3])


def naive_distance(first, second):
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, start=1):
        previous, row[0] = row[0], i
        for j, other in enumerate(second, start=1):
            change = previous + (one != other)
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, change)
    return row[-1]


def test_edit_distance_is_the_naive_form_s():
    rng = np.random.default_rng(0)
    firsts, seconds = ([rng.integers(0, 4, n).tolist() for n in range(1, 12)] for _ in range(2))
    seconds.reverse()
    changes = sum(naive_distance(*pair) for pair in zip(firsts, seconds, strict=True))
    assert value(EditDistance(), (firsts, seconds)) == pytest.approx(changes / 66)
    assert value(EditDistance(normalize=False), (firsts, seconds)) == pytest.approx(changes / 11)
    halves = (firsts[:4], seconds[:4]), (firsts[4:], seconds[4:])
    assert value(EditDistance(), *halves) == pytest.approx(changes / 66)


def test_edit_distance_of_known_texts():
    references = [
        ["the", "tiny", "little", "cat", "was", "found", "under", "the", "big", "funny", "bed"],
        ["it", "is", "sunny", "today"],
    ]
    texts = [
        ["the", "cat", "was", "found", "under", "the", "bed"],
        ["it", "is", "sunny", "but", "with", "a", "hint", "of", "cloud", "cover"],
    ]
    assert value(EditDistance(), (references[0], texts[0])) == pytest.approx(4 / 11)
    assert value(EditDistance(), (references, texts)) == pytest.approx(11 / 15)
    assert value(EditDistance(normalize=False), (references, texts)) == 5.5
    assert value(EditDistance(normalize=False), ([[1, 2, 0]], [[1, 2]])) == 1.0
    tensors = [keras.ops.convert_to_tensor(rows) for rows in ([[1, 2], [3, 4]], [[1, 2], [3, 5]])]
    assert value(EditDistance(), tensors) == 0.25
    for wrong, message in (
        (([[[1]]], [[1]]), "nested otherwise"),
        (("ab", ["a"]), "Got 'ab'"),
        (([[1]], [[1], [2]]), "2 texts, but 1 references"),
    ):
        with pytest.raises(DataError, match=message):
            EditDistance().update_state(*wrong)


METRICS = {
    "bleu": (lambda: Bleu(ByteTokenizer(), max_order=2, smooth=True), (FRUIT, SHOWS)),
    "bleu of words": (lambda: Bleu(name="words"), (FRUIT, SHOWS)),
    "rouge_n": (lambda: RougeN(3, use_stemmer=True), tuple(map(list, zip(*PAIRS, strict=True)))),
    "rouge_l": (lambda: RougeL(use_stemmer=True), tuple(map(list, zip(*PAIRS, strict=True)))),
    "edit_distance": (lambda: EditDistance(normalize=False), ([["a"]], [["b", "c"]])),
}


@pytest.mark.parametrize("name", METRICS)
def test_metrics_survive_keras_and_start_anew(name):
    make, batch = METRICS[name]
    metric = make()
    before = value(metric, batch)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(metric))
    assert copy.get_config() == metric.get_config()
    assert value(copy, batch) == before
    metric.reset_state()
    empty = value(metric)
    assert empty in (0.0, {"precision": 0.0, "recall": 0.0, "f1_score": 0.0})
    assert value(metric, batch) == before
    with pytest.raises(DataError, match="sample weights"):
        metric.update_state(*batch, sample_weight=[1.0])


@pytest.mark.parametrize(
    ("module", "make"),
    [
        ("sacrebleu", Bleu),
        ("rouge_score", RougeL),
        ("rapidfuzz", EditDistance),
    ],
)
def test_a_missing_package_is_named_with_the_command(module, make, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(BackendError, match=rf"{module}.*pip install 'hornbook\[eval\]'"):
        make()


def test_strings_of_tensorflow_eagerly():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("strings are tensors on TensorFlow only")
    import tensorflow as tf

    bleu = value(Bleu(), (tf.constant(FRUIT), tf.constant(SHOWS)))
    assert bleu == value(Bleu(), (FRUIT, SHOWS))
    tokens = tf.strings.split(["a b c", "d"])
    assert value(EditDistance(), (tokens, tokens[:, :1])) == 0.5


def test_a_compiled_step_is_refused_with_the_way_out():
    backend = keras.backend.backend()
    if backend == "torch":
        pytest.skip("torch's steps hold values")
    if backend == "jax":
        from jax import jit as compiled
    else:
        import tensorflow as tf

        compiled = partial(tf.function, autograph=False)
    metric = EditDistance()
    with pytest.raises(DataError, match=r"call it on what predict\(\)"):
        compiled(metric.update_state)(np.array([[1, 2]]), np.array([[1, 2]]))
