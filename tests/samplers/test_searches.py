"""Beam and contrastive search in KerasNLP's calling form, against their plainest forms."""

import numpy as np
import pytest
from keras import ops

from generation import naive, naive_search
from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.errors import GenerationError

K = 3
LENGTH = 9
PROMPTS = [[4, 9, 20, 1], [30, 2], [7, 7, 7, 7, 7]]


@pytest.fixture(scope="module")
def model():
    return TinyModel(num_layers=1, seed=4)


@pytest.fixture(scope="module")
def run(model):
    def run(token_ids):
        hidden = model.states(token_ids)
        return hidden, model.project(hidden)

    return naive.compiled(run)


def table(prompts):
    prompt = np.zeros((len(prompts), LENGTH), "int32")
    mask = np.zeros(prompt.shape, bool)
    for row, held, tokens in zip(prompt, mask, prompts, strict=True):
        row[: len(tokens)] = tokens
        held[: len(tokens)] = True
    return prompt, mask


def everything_again(model):
    """As in KerasNLP's guide: no cache, the whole sequence for each token."""

    def next(prompt, cache, index):
        hidden = ops.take(model.states(prompt), index - 1, axis=1)
        return model.project(hidden), hidden, cache

    return next


def with_cache(model):
    """As in KerasNLP's tasks: the newest token alone."""

    def next(prompt, cache, index):
        token = ops.take(prompt, index - 1, axis=1)[:, None]
        positions = ops.zeros((prompt.shape[0],), "int32") + index - 1
        hidden, cache = model.backbone.call_with_cache(token, cache["layers"], positions)
        return model.project(hidden)[:, 0], hidden[:, 0], {"layers": cache}

    return next


def search(model, form, sampler, **options):
    """Calls a sampler with prompts of several lengths, which a mask holds."""
    prompt, mask = table(PROMPTS)
    cache = model.backbone.init_cache(len(PROMPTS), model.backbone.cache_slots(LENGTH))
    hidden, cache = model.backbone.call_with_cache(
        ops.convert_to_tensor(prompt), cache, ops.zeros(len(PROMPTS), "int32")
    )
    output = sampler(
        next=form(model),
        prompt=prompt,
        cache={"layers": cache} if form is with_cache else None,
        index=min(map(len, PROMPTS)),
        mask=mask,
        hidden_states=hidden,
        **options,
    )
    if isinstance(output, tuple):
        return tuple(ops.convert_to_numpy(part) for part in output)
    return ops.convert_to_numpy(output).tolist()


def filled(tokens):
    return [*tokens, *[0] * (LENGTH - len(tokens))]


@pytest.mark.parametrize(
    ("form", "length_penalty", "stops"),
    [(everything_again, 1.0, None), (with_cache, 0.0, [28, 14, 21])],
)
def test_beam_search(model, run, form, length_penalty, stops):
    sampler = samplers.BeamSampler(K, True, length_penalty)
    sequences, log_probabilities = search(model, form, sampler, stop_token_ids=stops)
    assert sequences.shape == (3, K, LENGTH)
    ended = 0
    for row, prompt in enumerate(PROMPTS):
        expected = naive_search.beam_search(
            lambda ids: run(ids)[1], prompt, LENGTH, K, length_penalty, stops or (), LENGTH
        )
        assert sequences[row].tolist() == [filled(tokens) for _, tokens in expected]
        np.testing.assert_allclose(log_probabilities[row], [s for s, _ in expected], rtol=1e-4)
        ended += sum(len(tokens) < LENGTH for _, tokens in expected)
    assert bool(ended) == bool(stops)


@pytest.mark.parametrize(("form", "stops"), [(everything_again, ()), (with_cache, (28, 11))])
def test_contrastive_search(model, run, form, stops):
    sampler = samplers.ContrastiveSampler(K, 0.5)
    tokens = search(model, form, sampler, stop_token_ids=stops)
    expected = [
        naive_search.contrastive_search(run, prompt, LENGTH, K, 0.5, stops, LENGTH)
        for prompt in PROMPTS
    ]
    assert tokens == [filled(row) for row in expected]
    assert any(len(row) < LENGTH for row in expected) == bool(stops)


def test_one_beam_and_one_candidate_are_greedy(model):
    greedy = search(model, with_cache, samplers.GreedySampler())
    assert search(model, with_cache, samplers.BeamSampler(num_beams=1)) == greedy
    assert search(model, with_cache, samplers.ContrastiveSampler(k=K, alpha=0.0)) == greedy


def test_more_beams_and_candidates_than_tokens():
    def next(prompt, cache, index):
        rows = prompt.shape[0]
        logits = ops.tile(ops.convert_to_tensor(np.float32([[2.0, 3.0, 1.0]])), (rows, 1))
        return logits, ops.one_hot(ops.take(prompt, index - 1, axis=1), 3), cache

    prompt = np.zeros((2, 4), "int32")
    tokens = samplers.BeamSampler(num_beams=5)(next=next, prompt=prompt, index=1)
    assert ops.convert_to_numpy(tokens).tolist() == [[0, 1, 1, 1]] * 2
    states = ops.one_hot(prompt, 3)
    sampler = samplers.ContrastiveSampler(k=5)
    tokens = sampler(next=next, prompt=prompt, index=1, hidden_states=states)
    assert ops.convert_to_numpy(tokens).tolist() == [[0, 1, 2, 1]] * 2


def test_what_is_missing(model):
    next, prompt = everything_again(model), table(PROMPTS)[0]
    with pytest.raises(GenerationError, match="needs hidden_states"):
        samplers.ContrastiveSampler()(next=next, prompt=prompt, index=1)
    with pytest.raises(GenerationError, match=r"shape \(9,\)"):
        samplers.BeamSampler()(next=next, prompt=prompt[0], index=1)
