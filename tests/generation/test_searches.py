"""Beam and contrastive search in the engine, against their plainest forms."""

import numpy as np
import pytest

from generation import naive, naive_search
from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation import Engine

LIMITS = [24, 16, 12, 9]  # the last one is reached by its prompt
K = 3


@pytest.fixture(scope="module")
def model():
    return TinyModel(num_layers=1, seed=2)


@pytest.fixture(scope="module")
def engine(model):
    return Engine(model)


@pytest.fixture(scope="module")
def logits_of(model):
    return naive.compiled(model)


@pytest.fixture(scope="module")
def run(model):
    def run(token_ids):
        hidden = model.states(token_ids)
        return hidden, model.project(hidden)

    return naive.compiled(run)


def padded(prompts):
    lengths = np.array([len(prompt) for prompt in prompts], "int32")
    token_ids = np.full((len(prompts), lengths.max()), 7, "int32")
    for row, prompt in zip(token_ids, prompts, strict=True):
        row[: len(prompt)] = prompt
    return token_ids, lengths


def generate(engine, prompts, **options):
    output = engine.generate(*padded(prompts), **options)
    return [
        row[:length].tolist() for row, length in zip(output.token_ids, output.lengths, strict=True)
    ]


@pytest.mark.parametrize(
    ("length_penalty", "stops"), [(1.0, []), (1.0, [5, 11, 30]), (0.0, [5, 11, 30]), (-2.0, [5])]
)
def test_beam_search(engine, logits_of, prompts, length_penalty, stops):
    sampler = samplers.BeamSampler(K, True, length_penalty)
    output = engine.generate(
        *padded(prompts), limits=LIMITS, sampler=sampler, stop_token_ids=stops, pad_token_id=36
    )
    assert output.token_ids.shape[:2] == output.lengths.shape == (4, K)
    for row, prompt in enumerate(prompts[:3]):
        expected = naive_search.beam_search(
            logits_of, prompt, LIMITS[row], K, length_penalty, stops
        )
        for beam, (total, tokens) in enumerate(expected):
            length = output.lengths[row, beam]
            assert output.token_ids[row, beam, :length].tolist() == tokens
            assert set(output.token_ids[row, beam, length:].tolist()) <= {36}
            np.testing.assert_allclose(output.log_probabilities[row, beam], total, rtol=1e-4)
    assert output.token_ids[3, 0, :9].tolist() == prompts[3]
    assert output.lengths[3].tolist() == [9] * K
    best = samplers.BeamSampler(K, length_penalty=length_penalty)
    rows = zip(output.token_ids[:, 0], output.lengths[:, 0], strict=True)
    assert generate(engine, prompts, limits=LIMITS, sampler=best, stop_token_ids=stops) == [
        row[:length].tolist() for row, length in rows
    ]


@pytest.mark.parametrize(("alpha", "stops"), [(0.6, []), (0.2, []), (0.6, [5, 11, 30])])
def test_contrastive_search(engine, run, prompts, alpha, stops):
    sampler = samplers.ContrastiveSampler(K, alpha)
    expected = [
        naive_search.contrastive_search(run, prompt, limit, K, alpha, stops)
        for prompt, limit in zip(prompts, LIMITS, strict=True)
    ]
    options = {"limits": LIMITS, "sampler": sampler, "stop_token_ids": stops}
    assert generate(engine, prompts, **options) == expected
    assert any(len(row) < limit for row, limit in zip(expected, LIMITS, strict=True)) == bool(stops)


def test_forbidden_tokens_are_no_candidates(engine):
    bias = samplers.LogitBias(dict.fromkeys(range(2, 37), -np.inf))
    sampler = samplers.ContrastiveSampler(K, alpha=1.0, transforms=[bias])
    (row,) = generate(engine, [[5, 6]], limits=24, sampler=sampler)
    assert set(row[2:]) == {0, 1}


SEARCHES = [samplers.BeamSampler(K), samplers.ContrastiveSampler(K)]


@pytest.mark.parametrize("sampler", SEARCHES, ids=repr)
def test_rows_do_not_depend_on_their_neighbours(engine, prompts, sampler):
    options = {"sampler": sampler, "stop_token_ids": [5, 11, 30]}
    together = generate(engine, prompts, limits=LIMITS, **options)
    for row, prompt in enumerate(prompts):
        others = [prompt, [1], prompts[1], [3, 4]]
        limits = [LIMITS[row], 30, 20, 18]
        assert generate(engine, others, limits=limits, **options)[0] == together[row]


@pytest.mark.parametrize("sampler", SEARCHES, ids=repr)
def test_the_stream_gives_the_same_tokens(engine, prompts, sampler):
    options = {"sampler": sampler, "stop_token_ids": [5, 11, 30], "limits": LIMITS}
    whole = generate(engine, prompts, **options)
    streamed = [list(prompt) for prompt in prompts]
    for step in engine.stream(*padded(prompts), **options):
        for row, token, active in zip(streamed, step.tokens, step.active, strict=True):
            if active:
                row.append(int(token))
    assert streamed == whole


@pytest.mark.parametrize("sampler", SEARCHES, ids=repr)
def test_across_the_borders_of_the_cache(sampler):
    """The cache grows from 128 slots to the model's 140, which are all used."""
    model = TinyModel(num_layers=1, max_sequence_length=140)
    prompt = [*range(30), *range(30)]

    def run(token_ids):
        hidden = model.states(token_ids)
        return hidden, model.project(hidden)

    run = naive.compiled(run)
    if isinstance(sampler, samplers.BeamSampler):
        ((_, expected), *_) = naive_search.beam_search(
            lambda token_ids: run(token_ids)[1], prompt, 140, K, width=140
        )
    else:
        expected = naive_search.contrastive_search(run, prompt, 140, K, 0.6, width=140)
    # The other row goes on while the first has filled its places.
    rows = generate(Engine(model), [prompt, [4, 9]], limits=140, sampler=sampler)
    assert rows[0] == expected
    assert len(rows[1]) == 140


def test_a_stream_of_several_sequences_is_refused(engine, prompts):
    sampler = samplers.BeamSampler(K, return_all_beams=True)
    with pytest.raises(GenerationError, match="return_all_beams"):
        engine.stream(*padded(prompts), limits=LIMITS, sampler=sampler)
