"""The engine against the naive loop, and rows against their neighbours."""

import numpy as np
import pytest

from generation import naive
from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation import Engine


def padded(prompts, fill=0):
    lengths = np.array([len(prompt) for prompt in prompts], "int32")
    token_ids = np.full((len(prompts), lengths.max()), fill, "int32")
    for row, prompt in zip(token_ids, prompts, strict=True):
        row[: len(prompt)] = prompt
    return token_ids, lengths


def generate(engine, prompts, **options):
    output = engine.generate(*padded(prompts), **options)
    return [
        row[:length].tolist() for row, length in zip(output.token_ids, output.lengths, strict=True)
    ]


@pytest.fixture(scope="module")
def logits_of(model):
    return naive.compiled(model)


def test_greedy_equals_the_naive_loop(engine, logits_of, prompts):
    limits = [25, 40, 30, 9]  # the last one is reached by its prompt
    expected = [
        naive.generate(logits_of, prompt, limit)
        for prompt, limit in zip(prompts, limits, strict=True)
    ]
    assert generate(engine, prompts, limits=limits) == expected
    assert len(expected[1]) == 40
    assert expected[3] == prompts[3]


def test_across_the_borders_of_the_cache(prompts):
    """From 60 tokens to 290: the cache grows from 128 slots to 256, then to the model's 300."""
    model = TinyModel(num_layers=1)
    prompts = [(prompts[0] * 4)[:60], prompts[1]]
    logits_of = naive.compiled(model)
    expected = [naive.generate(logits_of, prompt, 290, pad_to=300) for prompt in prompts]
    assert generate(Engine(model), prompts, limits=290) == expected


def test_a_row_alone_equals_the_row_in_a_batch(engine, prompts):
    for sampler in (samplers.GreedySampler(), samplers.TopKSampler(k=4, seed=5)):
        together = generate(engine, prompts, limits=33, sampler=sampler)
        alone = [generate(engine, [prompts[0]], limits=33, sampler=sampler)[0]]
        assert together[:1] == alone
        others = [prompts[0], [1, 2], [3], [4]]
        assert generate(engine, others, limits=33, sampler=sampler)[:1] == alone


def test_padding_of_prompts_is_not_looked_at(engine, prompts):
    outputs = [engine.generate(*padded(prompts, fill), limits=24) for fill in (0, 17)]
    np.testing.assert_array_equal(outputs[0].token_ids, outputs[1].token_ids)


def test_rows_stop_at_stop_tokens_and_stay_as_they_are(engine, logits_of, prompts):
    free = generate(engine, prompts, limits=40)
    stops = [free[0][20], free[1][12]]
    expected = [naive.generate(logits_of, prompt, 40, stops) for prompt in prompts]
    output = engine.generate(*padded(prompts), limits=40, stop_token_ids=stops, pad_token_id=36)
    assert [len(row) for row in expected] == output.lengths.tolist()
    assert output.lengths.min() < 40
    assert output.token_ids.shape[1] == output.lengths.max()
    for row, wanted in zip(output.token_ids.tolist(), expected, strict=True):
        assert row[: len(wanted)] == wanted
        assert set(row[len(wanted) :]) <= {36}


def test_many_stop_tokens(engine, logits_of, prompts):
    expected = [naive.generate(logits_of, prompt, 40, range(20)) for prompt in prompts]
    assert generate(engine, prompts, limits=40, stop_token_ids=range(20)) == expected


@pytest.mark.parametrize("name", ["greedy", "random", "top_k", "top_p", "min_p"])
def test_the_stream_gives_the_same_tokens(engine, prompts, name):
    options = {"sampler": name, "seed": 11, "stop_token_ids": [5, 6], "limits": [30, 24, 20, 9]}
    whole = generate(engine, prompts, **options)
    streamed = [list(prompt) for prompt in prompts]
    for step in engine.stream(*padded(prompts), **options):
        for row, token, active in zip(streamed, step.tokens, step.active, strict=True):
            if active:
                row.append(int(token))
    assert streamed == whole


def test_a_closed_stream_does_no_more_work(prompts):
    engine = Engine(TinyModel(num_layers=1))
    calls = []
    stream = engine.stream(*padded(prompts), limits=40)
    assert engine.compilations == 0  # nothing has been run yet
    next(stream)
    (program,) = engine._programs.values()
    decode, program.decode = program.decode, lambda *a: calls.append(a) or decode(*a)
    next(stream)
    stream.close()
    assert len(calls) == 1
    assert list(stream) == []


def test_seeds(engine, prompts):
    def sample(**options):
        return generate(engine, prompts, limits=40, **options)

    hot = samplers.RandomSampler(temperature=3.0)
    first = sample(sampler=hot, seed=1)
    assert first == sample(sampler=hot, seed=1)
    assert first == sample(sampler=samplers.RandomSampler(seed=1, temperature=3.0))
    assert first != sample(sampler=hot, seed=2)
    assert sample(sampler=hot) != sample(sampler=hot)
    same = generate(engine, [prompts[1]] * 4, limits=40, sampler=hot, seed=1)
    assert len({tuple(row) for row in same}) == 4  # each row has numbers of its own


def test_top_k_of_one_is_greedy(engine, prompts):
    sampler = samplers.TopKSampler(k=1)
    assert generate(engine, prompts, limits=30, sampler=sampler) == generate(
        engine, prompts, limits=30
    )


def test_weights_may_change_between_calls(prompts):
    model = TinyModel(seed=1, num_layers=1)
    engine = Engine(model)
    before = generate(engine, prompts, limits=30)
    compilations = engine.compilations
    for variable in model.variables:
        variable.assign(variable.value * -0.5)
    after = generate(engine, prompts, limits=30)
    logits_of = naive.compiled(model)
    assert after == [naive.generate(logits_of, prompt, 30) for prompt in prompts]
    assert after != before
    assert engine.compilations == compilations


def test_nothing_to_do():
    engine = Engine(TinyModel())
    output = engine.generate([[4, 5, 6]], [3], limits=3)
    assert output.token_ids.tolist() == [[4, 5, 6]]
    assert list(engine.stream([[4, 5, 6]], [3], limits=3)) == []
    assert engine.compilations == 0


@pytest.mark.parametrize(
    ("token_ids", "lengths", "limits", "message"),
    [
        ([[1, 2, 3]], [3], 2, "has 3 tokens, but the maximum length is 2"),
        ([[1, 2, 3]], [3], 301, "the model has 300 positions"),
        ([[1, 2], [0, 0]], [2, 0], 9, "at least one token"),
        ([[1, 2]], [3], 9, "in an array of 2"),
        ([1, 2], [2], 9, r"\[batch, length\]"),
        (np.zeros((0, 2)), [], 9, r"\[batch, length\]"),
    ],
)
def test_requests_that_cannot_be_met(engine, token_ids, lengths, limits, message):
    for method in (engine.generate, engine.stream):
        with pytest.raises(GenerationError, match=message):
            method(token_ids, lengths, limits=limits)
