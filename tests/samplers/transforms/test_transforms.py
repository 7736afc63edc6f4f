"""Logits transforms against their definitions, and against those of transformers."""

import json
from collections import Counter

import keras
import numpy as np
import pytest
from keras import ops

from generation import naive
from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation import Engine
from hornbook.samplers import (
    FrequencyPenalty,
    LogitBias,
    NoRepeatNGrams,
    PresencePenalty,
    RepetitionPenalty,
)
from hornbook.samplers.rows import Rows

VOCABULARY = 7


def repetition(penalty):
    def change(logits, tokens, start):
        return [
            x if token not in tokens else x / penalty if x > 0 else x * penalty
            for token, x in enumerate(logits)
        ]

    return change


def openai(frequency, presence, with_prompt):
    def change(logits, tokens, start):
        counts = Counter(tokens if with_prompt else tokens[start:])
        return [
            x - frequency * counts[token] - presence * (counts[token] > 0)
            for token, x in enumerate(logits)
        ]

    return change


def no_repeat(size):
    def change(logits, tokens, start):
        seen = {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)}
        last = tuple(tokens[max(len(tokens) - size + 1, 0) :]) if size > 1 else ()
        return [-np.inf if (*last, token) in seen else x for token, x in enumerate(logits)]

    return change


def bias(numbers):
    def change(logits, tokens, start):
        return [x + numbers.get(token, 0.0) for token, x in enumerate(logits)]

    return change


CASES = [
    (RepetitionPenalty(1.3), repetition(1.3)),
    (RepetitionPenalty(0.5), repetition(0.5)),
    (FrequencyPenalty(0.7), openai(0.7, 0, True)),
    (FrequencyPenalty(-0.2, with_prompt=False), openai(-0.2, 0, False)),
    (PresencePenalty(1.5), openai(0, 1.5, True)),
    (PresencePenalty(1.5, with_prompt=False), openai(0, 1.5, False)),
    *[(NoRepeatNGrams(size), no_repeat(size)) for size in (1, 2, 3, 30)],
    (LogitBias({0: 2.5, 6: -np.inf, 3: -1.0}), bias({0: 2.5, 6: -np.inf, 3: -1.0})),
]


@pytest.fixture(scope="module")
def rows():
    """Rows of all lengths, filled up with tokens that must not count."""
    random = np.random.default_rng(1)
    lengths = np.arange(1, 13, dtype="int32")
    tokens = random.integers(0, 4, size=(12, 12)).astype("int32")
    tokens[np.arange(12) >= lengths[:, None]] = 6
    tokens[5, 0] = VOCABULARY + 2  # no token of this vocabulary
    starts = (lengths + 1) // 2
    return tokens, starts, lengths


def on(transform, logits, rows):
    tokens, starts, lengths = map(ops.convert_to_tensor, rows)
    blank = ops.zeros((len(logits),))
    value = Rows(tokens, blank, starts, lengths, blank, blank, blank, blank)
    return ops.convert_to_numpy(transform(ops.convert_to_tensor(logits), value))


@pytest.mark.parametrize(("transform", "definition"), CASES, ids=lambda x: repr(x)[:30])
def test_definitions(transform, definition, rows):
    logits = np.random.default_rng(2).normal(size=(12, VOCABULARY)).astype("float32")
    expected = [
        definition(row, tokens[:length].tolist(), start)
        for row, tokens, start, length in zip(logits, *rows, strict=True)
    ]
    np.testing.assert_allclose(on(transform, logits, rows), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the definitions hold the backends together"
)
def test_the_same_as_in_transformers(rows):
    import torch
    from transformers import NoRepeatNGramLogitsProcessor, RepetitionPenaltyLogitsProcessor

    logits = np.random.default_rng(2).normal(size=(12, VOCABULARY)).astype("float32")
    tokens, starts, lengths = rows
    tokens = np.minimum(tokens, VOCABULARY - 1)
    for ours, theirs in [
        (RepetitionPenalty(1.3), RepetitionPenaltyLogitsProcessor(1.3)),
        (NoRepeatNGrams(2), NoRepeatNGramLogitsProcessor(2)),
    ]:
        expected = [
            theirs(torch.tensor(row[None, :length]), torch.tensor(scores[None]))[0].numpy()
            for row, length, scores in zip(tokens, lengths, logits, strict=True)
        ]
        changed = on(ours, logits, (tokens, starts, lengths))
        np.testing.assert_allclose(changed, expected, rtol=1e-6)


PROMPTS = [[4, 9, 20, 1], [30]]
TRANSFORMS = (RepetitionPenalty(1.4), LogitBias({3: 1.0, 5: -np.inf}), NoRepeatNGrams(2))
DEFINITIONS = (repetition(1.4), bias({3: 1.0, 5: -np.inf}), no_repeat(2))


@pytest.fixture(scope="module")
def model():
    return TinyModel(num_layers=1, seed=6)


@pytest.fixture(scope="module")
def expected(model):
    """What greedy search with `TRANSFORMS` gives for `PROMPTS`, in its plainest form."""
    logits_of = naive.compiled(model)

    def change(logits, tokens):
        for definition in DEFINITIONS:
            logits = definition(logits, tokens, start=0)
        return np.array(logits)

    return [naive.generate(logits_of, prompt, 20, change=change) for prompt in PROMPTS]


def test_in_the_engine(model, expected):
    prompts = np.array([[4, 9, 20, 1], [30, 3, 3, 3]])
    sampler = samplers.BeamSampler(num_beams=1, transforms=TRANSFORMS)  # it is greedy
    output = Engine(model).generate(prompts, [4, 1], limits=20, sampler=sampler)
    assert output.token_ids.tolist() == expected


class Likeliest(samplers.Sampler):
    def get_next_token(self, probabilities):
        return ops.argmax(probabilities, axis=-1)


def test_in_the_calling_form_of_keras_nlp(model, expected):
    def next(prompt, cache, index):
        return ops.take(model(prompt), index - 1, axis=1), None, cache

    prompt = np.full((2, 20), 3, "int32")
    mask = np.zeros(prompt.shape, bool)
    for row, tokens in enumerate(PROMPTS):
        prompt[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = True
    tokens = Likeliest(transforms=TRANSFORMS)(next=next, prompt=prompt, index=1, mask=mask)
    assert ops.convert_to_numpy(tokens).tolist() == expected


def test_a_sampler_with_transforms_survives_json():
    sampler = samplers.TopKSampler(k=3, transforms=[case[0] for case in CASES])
    config = json.loads(json.dumps(samplers.serialize(sampler)))
    again = samplers.deserialize(config)
    assert again.transforms == sampler.transforms
    assert again.trace_key == sampler.trace_key
    assert samplers.get("top_k").get_config() == {"k": 5, "temperature": 1.0, "seed": None}


class Only(samplers.LogitsTransform):
    """As people write them: with an array."""

    def __init__(self, token):
        self.allowed = np.arange(37) == token

    def __call__(self, logits, rows):
        return ops.where(ops.convert_to_tensor(self.allowed), logits, -np.inf)


ONLY = [Only(2), Only(9)]


def test_a_transform_of_ones_own():
    keys = [samplers.RandomSampler(transforms=[only]).trace_key for only in ONLY]
    assert keys[0] != keys[1]
    sampler = samplers.RandomSampler(transforms=ONLY[1:])
    output = Engine(TinyModel(num_layers=1)).generate([[5]], [1], limits=6, sampler=sampler)
    assert output.token_ids[0, 1:].tolist() == [9] * 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RepetitionPenalty(0.0), "penalty is 0.0; expected a number above 0"),
        (lambda: RepetitionPenalty(float("nan")), "expected a number above 0"),
        (lambda: FrequencyPenalty(float("nan")), "expected a number"),
        (lambda: PresencePenalty(float("inf")), "expected a number"),
        (lambda: NoRepeatNGrams(0), "size is 0"),
        (lambda: NoRepeatNGrams(2.5), "size is 2.5"),
        (lambda: LogitBias({}), "expected token ids with a number each"),
        (lambda: LogitBias([1]), "expected token ids with a number each"),
        (lambda: LogitBias({-1: 2.0}), "token id -1"),
        (lambda: LogitBias({1: float("nan")}), "nan"),
        (lambda: samplers.GreedySampler(transforms=[1.2]), "expected instances of LogitsTransform"),
        (lambda: samplers.GreedySampler(transforms=RepetitionPenalty(1.2)), "expected a list"),
    ],
)
def test_what_cannot_be_done(make, message):
    with pytest.raises(GenerationError, match=message):
        make()


def test_a_bias_outside_of_the_vocabulary(rows):
    with pytest.raises(GenerationError, match="token id 7, but the vocabulary has 7"):
        on(LogitBias({7: 1.0}), np.zeros((12, VOCABULARY), "float32"), rows)
