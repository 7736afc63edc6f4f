"""Requests that take turns in a few slots: each gets the tokens that it would get alone."""

from dataclasses import replace
from itertools import groupby
from operator import itemgetter

import keras
import numpy as np
import pytest

from generation.tiny_decoder import TinyModel
from generation.tiny_task import TEXTS
from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation import Engine, Request
from hornbook.generation.insertion import insert
from hornbook.generation.state import GenerationState
from hornbook.samplers.rows import Rows

LENGTHS = (3, 16, 1, 9, 30, 2, 17)
LIMITS = (30, 20, 8, 33, 31, 40, 17)  # the last one is reached by its prompt

SAMPLERS = {
    "greedy": samplers.GreedySampler(),
    "random": samplers.RandomSampler(seed=5),
    "beam": samplers.BeamSampler(2),
    "all beams": samplers.BeamSampler(2, return_all_beams=True),
    "contrastive": samplers.ContrastiveSampler(2),
}


@pytest.fixture(scope="module")
def prompts():
    random = np.random.default_rng(4)
    return [random.integers(0, 37, size=length) for length in LENGTHS]


@pytest.fixture(scope="module")
def batch(prompts):
    token_ids = np.zeros((len(prompts), max(LENGTHS)), "int32")
    for row, prompt in zip(token_ids, prompts, strict=True):
        row[: len(prompt)] = prompt
    return token_ids, np.array(LENGTHS)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("batch_size", [1, 3])
def test_slots_give_what_all_at_once_gives(engine, batch, name, batch_size):
    options = {"limits": LIMITS, "sampler": SAMPLERS[name], "stop_token_ids": [5, 6]}
    expected = engine.generate(*batch, **options)
    output = engine.generate(*batch, batch_size=batch_size, **options)
    np.testing.assert_array_equal(output.lengths, expected.lengths)
    np.testing.assert_array_equal(output.token_ids, expected.token_ids)
    if name == "all beams":
        np.testing.assert_allclose(
            output.log_probabilities, expected.log_probabilities, rtol=1e-4, atol=1e-4
        )


def test_a_stream_of_slots_gives_the_same_tokens(engine, batch, prompts):
    options = {"limits": LIMITS, "sampler": "random", "seed": 2}
    expected = engine.generate(*batch, **options)
    rows = [list(prompt) for prompt in prompts]
    for step in engine.stream(*batch, batch_size=3, **options):
        assert step.active.sum() <= 3
        for row in np.flatnonzero(step.active):
            rows[row].append(step.tokens[row])
    for row, whole, length in zip(rows, expected.token_ids, expected.lengths, strict=True):
        np.testing.assert_array_equal(row, whole[:length])


def test_a_cache_that_grows_while_slots_are_filled(prompts):
    """A long row makes the cache larger under its neighbours, and a long prompt under all."""
    engine = Engine(TinyModel(num_layers=1))
    random = np.random.default_rng(6)
    lengths, limits = np.array([100, 3, 2, 5, 200, 4]), np.array([290, 9, 20, 150, 210, 140])
    token_ids = random.integers(0, 37, size=(6, 200))
    options = {"limits": limits, "sampler": "random", "seed": 4}
    expected = engine.generate(token_ids, lengths, **options)
    output = engine.generate(token_ids, lengths, batch_size=2, **options)
    np.testing.assert_array_equal(output.token_ids, expected.token_ids)


@pytest.mark.parametrize("name", ["random", "beam", "contrastive"])
def test_a_cache_that_shrinks_while_slots_are_in_use(name):
    """A long row makes the cache larger, and leaves a short one behind."""
    engine = Engine(TinyModel(num_layers=1))
    token_ids = np.random.default_rng(6).integers(0, 37, size=(2, 100))
    short = Request(token_ids[0, :3], 120, seed=1)
    long = Request(token_ids[1], 135, seed=2)
    sampler, results, seen = SAMPLERS[name], {}, []
    slots = engine.slots(2, sampler=sampler)
    slots.submit(short)
    collect(slots.step(1), results)
    collect(slots.step(1), results)
    slots.submit(long)
    while slots.busy:
        collect(slots.step(), results)
        if slots._state is not None:
            seen.append((slots._state.capacity, engine.compilations))
    assert [capacity for capacity, _ in groupby(seen, itemgetter(0))] == [128, 256, 128]
    assert seen[-1][1] == max(count for capacity, count in seen if capacity == 256)
    for each in (short, long):
        alone = {}
        slots = engine.slots(2, sampler=sampler)
        slots.submit(each)
        run(slots, alone)
        assert results[each] == alone[each]


def run(slots, results):
    while slots.busy:
        collect(slots.step(), results)


def collect(progress, results):
    for each in progress:
        results.setdefault(each.request, []).extend(each.new_tokens.tolist())


def test_requests_come_and_go_while_others_run(engine, prompts):
    def request(index, limit):
        return Request(prompts[index], limit, seed=9, stream=index)

    requests = [request(*each) for each in ((0, 40), (1, 30), (2, 60), (3, 20), (4, 50), (5, 9))]
    alone = {}
    for each in requests:
        slots = engine.slots(3, sampler="random")
        slots.submit(each)
        run(slots, alone)
        assert len(alone[each]) == each.limit - len(each.token_ids)

    slots, results = engine.slots(3, sampler="random"), {}
    assert slots.step() == []
    first, second, third, waits, fourth, last = requests
    slots.submit(first)
    for _ in range(3):
        collect(slots.step(2), results)
    for each in (second, third, waits, fourth):
        slots.submit(each)
    collect(slots.step(2), results)
    collect(slots.step(2), results)
    slots.cancel(second)
    slots.cancel(waits)
    collect(slots.step(2), results)
    stopped = len(results[second])
    slots.submit(last)
    run(slots, results)
    slots.cancel(first)  # is done long ago
    assert stopped == 3
    assert waits not in results
    for each in (first, third, fourth, last):
        assert results[each] == alone[each]
    assert results[second] == alone[second][:stopped]


def test_nobody_waits_for_a_row_that_was_cancelled(engine, prompts, monkeypatch):
    slots = engine.slots(2)
    short, long = Request(prompts[0], 20), Request(prompts[1], 40)
    slots.submit(short)
    slots.submit(long)
    slots.step(1)
    slots.cancel(long)
    assert np.array(keras.ops.convert_to_numpy(slots._state.rows.done)).tolist() == [False, True]
    slots.cancel(short)
    assert not slots.busy
    assert slots._state is None


def test_a_slot_is_filled_as_soon_as_it_is_free(engine, monkeypatch):
    """One long row beside many short ones takes as many steps as the long one alone."""
    lengths, limits = np.full(9, 2), np.array([66, *[10] * 8])
    token_ids = np.arange(18).reshape(9, 2)
    engine.generate(token_ids, lengths, limits=limits, batch_size=2)
    counts = []
    program = engine._program(engine.model.variables, samplers.get("greedy"))

    def decode(state, steps, values, decode=program.decode):
        counts.append(steps)
        return decode(state, steps, values)

    monkeypatch.setattr(program, "decode", decode)
    engine.generate(token_ids, lengths, limits=limits, batch_size=2)
    assert sum(counts) == 63
    counts.clear()
    # The first row ends after 4 steps, and the third takes its place for the second's other 4.
    engine.generate(token_ids[:3], lengths[:3], limits=[7, 11, 7], batch_size=2)
    assert sum(counts) == 8


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="nothing is written in place")
def test_rows_that_share_memory_are_written_apart():
    def state(rows, value):
        shared = keras.ops.full((rows,), value, dtype="int32")
        table = keras.ops.zeros((rows, 4), "int32")
        keys = keras.ops.zeros((rows, 1, 4, 2))
        parts = Rows(table, shared, shared, shared, shared, shared > 0, table, table)
        return GenerationState(parts, ((keys, keys),))

    new = state(1, 7)
    new = replace(new, rows=replace(new.rows, lengths=new.rows.lengths + 1))
    rows = insert(state(2, 5), new, 1).rows
    assert rows.starts.tolist() == [5, 7]
    assert rows.lengths.tolist() == [5, 8]


def test_slots_are_looked_at_often_while_requests_wait(engine, prompts):
    """A row may end at any token, so no more than eight are made at a time."""
    slots = engine.slots(1)
    for _ in range(2):
        slots.submit(Request(prompts[0], 40))
    slots.step()
    assert [len(progress.new_tokens) for progress in slots.step(20)] == [8]
    slots.cancel(slots._waiting[0])
    assert [len(progress.new_tokens) for progress in slots.step(20)] == [20]


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="nothing is compiled")
def test_few_programs_for_many_requests():
    engine = Engine(TinyModel(num_layers=1))

    def count(lengths, limits):
        token_ids = np.ones((len(lengths), max(lengths)))
        engine.generate(token_ids, lengths, limits=limits, batch_size=2)
        return engine.compilations

    assert count([3, 4], 9) == 2  # as without slots
    assert count([4, 4, 16, 16], 40) == 2  # two at once, and again
    assert count([3, 4, 5, 16], [9, 20, 30, 40]) == 3  # one by one
    assert count([2, 16, 9, 1, 4, 7, 3], [9, 64, 30, 8, 5, 60, 128]) == 3
    assert count([20, 16, 9, 1, 4, 17], [31, 64, 30, 8, 5, 60]) == 5  # a bucket more, of both


def test_texts_in_slots(task):
    texts = [*TEXTS, "A page", "read", "he"]
    options = {
        "sampler": samplers.RandomSampler(seed=3),
        "max_new_tokens": [3, 12, 16, 1, 9, 7],
        "stop_token_ids": None,
    }
    expected = task.generate(texts, **options)
    assert task.generate(texts, batch_size=2, **options) == expected
    pieces = list(task.generate(texts, batch_size=2, stream=True, **options))
    assert ["".join(row) for row in zip(*pieces, strict=True)] == expected
    stop = expected[1][-3:-1]
    expected = task.generate(texts, stop_strings=stop, **options)
    assert task.generate(texts, stop_strings=stop, batch_size=2, **options) == expected


def test_what_cannot_be_submitted(engine, batch):
    with pytest.raises(GenerationError, match="batch_size is 0"):
        engine.generate(*batch, limits=40, batch_size=0)
    slots = engine.slots(2)
    for length, limit in ((0, 9), (9, 9), (9, 301)):
        with pytest.raises(GenerationError, match=f"has {length} tokens and the limit is {limit}"):
            slots.submit(Request(np.ones(length, "int32"), limit))
