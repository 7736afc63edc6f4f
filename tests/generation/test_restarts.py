"""Rows whose tokens turn otherwise once they are long are computed anew."""

import keras
import numpy as np
import pytest
from keras import ops

from generation import naive
from hornbook import samplers
from hornbook.generation import Engine
from hornbook.generation.drafts import ModelDraft, PromptLookup
from hornbook.generation.speculation import SpeculativeSampler
from hornbook.layers import RopeScaling
from hornbook.models import LlamaBackbone, LlamaCausalLM
from shares import not_tensorflow

BORDER, LIMIT = 20, 30
LENGTHS = np.array([3, 19, 20, 21, 26])
GREEDY = samplers.GreedySampler()


def make_model(seed, border=BORDER):
    keras.utils.set_random_seed(seed)
    scaling = RopeScaling(
        "longrope", original_length=border, short_factors=(1.0, 1.5), long_factors=(4.0, 0.25)
    )
    backbone = LlamaBackbone(
        vocabulary_size=31, num_layers=2, num_query_heads=4, num_key_value_heads=2, hidden_dim=20,
        intermediate_dim=24, head_dim=4, max_sequence_length=48, initializer_range=0.5,
        rope_scaling=scaling, rope_max_wavelength=100.0,
    )  # fmt: skip
    return LlamaCausalLM(backbone)


@pytest.fixture(scope="module")
def model():
    return make_model(0)


@pytest.fixture(scope="module")
def prompts():
    return np.random.default_rng(1).integers(0, 31, (len(LENGTHS), LENGTHS.max()))


@pytest.fixture(scope="module")
def logits_of(model):
    return naive.compiled(
        lambda token_ids, real: model({"token_ids": token_ids, "padding_mask": real})
    )


@pytest.fixture(scope="module")
def expected(logits_of, prompts):
    """Each row alone, from its first token on for every one."""
    return [
        naive.generate(logits_of, row[:length].tolist(), LIMIT, pad_to=LIMIT, masked=True)
        for row, length in zip(prompts, LENGTHS, strict=True)
    ]


def test_the_border_changes_what_comes(model, expected):
    other = make_model(0, border=40)
    other.set_weights(model.get_weights())
    prompt = np.array(expected[0])[None, :BORDER]
    free = Engine(other).generate(prompt, [BORDER], limits=LIMIT).token_ids.tolist()
    assert free[0] != expected[0]


@pytest.mark.parametrize(
    ("options", "chunk"),
    [({}, None), ({"batch_size": 2}, None), ({}, 8)],
    ids=["together", "in turn", "in pieces"],
)
def test_rows_are_what_they_are_alone(model, prompts, expected, options, chunk):
    engine = Engine(model, prompt_chunk=chunk)
    output = engine.generate(prompts, LENGTHS, limits=LIMIT, **options)
    assert output.token_ids.tolist() == expected


@not_tensorflow
@pytest.mark.parametrize("draft", ["lookup", "model"])
def test_guesses_stand_on_one_side(model, prompts, expected, draft):
    engine, guesser = Engine(model), PromptLookup(adaptive=False)
    if draft == "model":
        engine, guesser = engine.with_draft(make_model(5, border=24)), ModelDraft()
    sampler = SpeculativeSampler(GREEDY, guesser, 3)
    output = engine.generate(prompts, LENGTHS, limits=LIMIT, sampler=sampler)
    assert output.token_ids.tolist() == expected


def test_the_best_beam_is_as_likely_as_the_model_says(model, logits_of, prompts):
    sampler = samplers.BeamSampler(num_beams=3, return_all_beams=True)
    rows = slice(0, 3)
    output = Engine(model).generate(prompts[rows], LENGTHS[rows], limits=LIMIT, sampler=sampler)
    for row, start in enumerate(LENGTHS[rows]):
        best, total = output.token_ids[row, 0], 0.0
        for length in range(start, LIMIT):
            real = (np.arange(LIMIT) < length)[None]
            known = np.where(real, best[:LIMIT], 0).astype("int32")
            logits = logits_of(*map(ops.convert_to_tensor, (known, real)))[0, length - 1]
            logits = ops.convert_to_numpy(ops.log_softmax(logits))
            total += float(logits[best[length]])
        np.testing.assert_allclose(output.log_probabilities[row, 0], total, rtol=1e-3)
