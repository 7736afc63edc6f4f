"""A running batch becomes smaller when rows have left and nobody waits, and no token changes."""

from itertools import groupby

import keras
import numpy as np
import pytest

from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.generation import Engine, Request
from hornbook.generation.drafts import ModelDraft, PromptLookup
from hornbook.generation.drivers import program_class
from hornbook.generation.paces import Paces
from hornbook.generation.speculation import SpeculativeSampler
from shares import not_tensorflow

LENGTHS = np.array([3, 16, 1, 9, 12, 2])
LIMITS = np.array([60, 20, 8, 33, 31, 14])
COMPILES = keras.backend.backend() != "torch"
SAMPLERS = {
    "greedy": samplers.GreedySampler(),
    "random": samplers.RandomSampler(seed=5),
    "beam": samplers.BeamSampler(3),
    "contrastive": samplers.ContrastiveSampler(2),
    "lookup": SpeculativeSampler(samplers.RandomSampler(seed=5), PromptLookup(adaptive=False), 3),
    "draft": SpeculativeSampler(samplers.RandomSampler(seed=5), ModelDraft(), 3),
}


@pytest.fixture(scope="module")
def batch():
    return np.random.default_rng(4).integers(0, 37, size=(6, 16)), LENGTHS


@pytest.fixture
def paying(monkeypatch):
    """Whatever a compilation costs, a smaller batch pays."""
    monkeypatch.setattr(Paces, "_pays", lambda self, shape, width, steps: True)


@pytest.fixture
def calls(monkeypatch):
    """Those for tokens that are made in the test, as pairs (rows, steps)."""
    made, kind = [], program_class()
    run = kind.decode

    def decode(self, state, steps, values):
        made.append((state.rows.tokens.shape[0], steps))
        return run(self, state, steps, values)

    monkeypatch.setattr(kind, "decode", decode)
    return made


@not_tensorflow
@pytest.mark.usefixtures("paying")
@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("stops", [(), (5, 6)])
def test_the_tokens_are_those_of_each_row_alone(model, engine, batch, calls, name, stops):
    if COMPILES and stops and name not in ("random", "beam"):
        pytest.skip("the stop tokens change nothing that these would show")
    engine = engine.with_draft(model) if name == "draft" else engine
    sampler = SAMPLERS[name]
    output = engine.generate(*batch, limits=LIMITS, sampler=sampler, stop_token_ids=stops)
    times = sampler.rows_per_prompt
    widths = [rows // times for rows, _ in calls]
    assert all(rows % times == 0 for rows, _ in calls)
    assert widths == sorted(widths, reverse=True)
    assert set(widths) <= {6, 4, 2, 1}
    assert widths[0] > widths[-1] == 1
    for row, length in enumerate(LENGTHS):
        slots = engine.slots(1, sampler=sampler, stop_token_ids=stops)
        request = Request(batch[0][row, :length], int(LIMITS[row]), seed=5, stream=row * times)
        slots.submit(request)
        last = None
        while slots.busy:
            last = slots.step()[0]
        count = int(last.results.lengths)
        assert output.lengths[row] == count
        assert output.token_ids[row, :count].tolist() == last.results.tokens[:count].tolist()


@pytest.mark.skipif(COMPILES, reason="a small model's steps never pay a compilation")
def test_rows_that_are_done_are_not_run(batch, calls):
    engine = Engine(TinyModel(num_layers=1))
    limits = LENGTHS + np.array([65, 9, 17, 25, 33, 5])
    engine.generate(*batch, limits=limits)
    # The first token comes with the prompt. A batch gets smaller as soon as a power of two fits.
    assert [(rows, sum(n for _, n in own)) for rows, own in groupby(calls, lambda call: call[0])] \
        == [(6, 8), (4, 16), (2, 8), (1, 32)]  # fmt: skip
    assert sum(rows * steps for rows, steps in calls) == 160  # and 6 * 64 before


@pytest.mark.skipif(not COMPILES, reason="nothing is compiled")
def test_a_smaller_batch_is_run_where_its_program_exists(batch, calls):
    engine = Engine(TinyModel(num_layers=1))
    token_ids = batch[0]
    engine.generate(*batch, limits=LIMITS)
    assert {rows for rows, _ in calls} == {6}
    assert engine.compilations == 2
    engine.generate(token_ids[:2, :9], [3, 9], limits=40)
    count = engine.compilations
    assert count == 4
    calls.clear()
    engine.generate(*batch, limits=LIMITS)
    assert [rows for rows, _ in groupby(calls, lambda call: call[0])] == [6, 2]
    assert engine.compilations == count


@pytest.mark.usefixtures("paying")
@pytest.mark.skipif(not COMPILES, reason="nothing is compiled")
def test_a_program_for_each_power_of_two_at_most(batch):
    engine = Engine(TinyModel(num_layers=1))
    generator = np.random.default_rng(0)
    for _ in range(6):
        engine.generate(*batch, limits=LENGTHS + generator.integers(2, 60, 6))
    assert engine.compilations == 1 + 4  # for prompts; for 6, 4, 2 and 1 rows


@pytest.mark.usefixtures("paying")
@pytest.mark.parametrize("name", ["random", "beam"])
def test_a_batch_that_became_smaller_grows_again(engine, batch, calls, name):
    sampler, results = SAMPLERS[name], {}
    requests = [
        Request(batch[0][row, :length], limit, seed=3)
        for row, (length, limit) in enumerate(zip(LENGTHS, [50, 19, 9, 60, 30, 31], strict=True))
    ]

    def run(slots, results, steps=None):
        while slots.busy and steps != 0:
            for each in slots.step(4):
                results[each.request] = each.results.tokens[: int(each.results.lengths)].tolist()
            steps = None if steps is None else steps - 1

    alone = {}
    for request in requests:
        slots = engine.slots(1, sampler=sampler)
        slots.submit(request)
        run(slots, alone)
    slots = engine.slots(4, sampler=sampler)
    for request in requests[:4]:
        slots.submit(request)
    run(slots, results, steps=6)
    assert calls[-1][0] == 2 * sampler.rows_per_prompt
    for request in requests[4:]:
        slots.submit(request)
    run(slots, results, steps=2)
    assert calls[-1][0] == 4 * sampler.rows_per_prompt
    slots.cancel(requests[0])
    run(slots, results)
    assert calls[-1][0] == sampler.rows_per_prompt
    assert requests[0] in results
    for request in requests[1:]:
        assert results[request] == alone[request]


@pytest.mark.usefixtures("paying")
def test_a_stream_that_is_closed_leaves_nothing_behind(engine, batch, calls):
    steps = engine.stream(*batch, limits=LIMITS)
    while not calls or calls[-1][0] > 2:
        next(steps)
    count = len(calls)
    steps.close()
    assert next(steps, None) is None
    assert len(calls) == count


def test_a_batch_that_many_steps_are_left_of_is_compiled_for():
    paces = Paces(compiles=True)
    assert paces.width(1, (8, 128), steps=10**6) == 8  # nothing is known yet
    paces.clock((8, 128), 2.0, steps=1)
    paces.clock((8, 128), 0.4, steps=8)
    paces.clock((8, 128), 0.8, steps=8)  # something else was running
    assert paces.width(4, (8, 128), steps=300) == 8
    assert paces.width(4, (8, 128), steps=330) == 4
    assert paces.width(5, (8, 128), steps=10**6) == 8
    paces.clock((4, 128), 0.1, steps=8)
    assert paces.width(3, (8, 128), steps=1) == paces.width(1, (8, 128), steps=1) == 4
    assert paces.width(3, (8, 256), steps=1) == 8
    assert paces.first_width(3, 8, 128) == 4
    assert paces.first_width(3, 8, 256) == paces.first_width(5, 8, 128) == 8
    assert Paces(compiles=False).first_width(3, 8, 256) == 4
