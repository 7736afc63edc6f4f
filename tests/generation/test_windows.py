"""Models with windows, whose layers keep no more than those: the tokens are the same."""

from itertools import groupby

import numpy as np
import pytest

from generation import naive, naive_search
from generation.windowed_decoder import VOCABULARY, WindowedModel
from hornbook import samplers
from hornbook.generation import Engine, Request
from hornbook.generation.drafts import ModelDraft, PromptLookup
from hornbook.generation.speculation import SpeculativeSampler
from shares import not_tensorflow

WINDOWS = (5, None, 9)
LENGTHS = (40, 3, 1, 19)
LIMITS = [56, 40, 30, 60]
"""Of 60 tokens at most, so that the naive forms compile one size."""


@pytest.fixture(scope="module")
def model():
    return WindowedModel(WINDOWS)


@pytest.fixture(scope="module")
def run(model):
    def run(token_ids):
        hidden = model.states(token_ids)
        return hidden, model.project(hidden)

    return naive.compiled(run)


@pytest.fixture(scope="module")
def engine(model):
    return Engine(model, prompt_chunk=16)


@pytest.fixture(scope="module")
def full(model):
    """An engine for the same model with a cache of all tokens in all layers."""
    plain = WindowedModel(WINDOWS, plain=True)
    return Engine(plain)


@pytest.fixture(scope="module")
def batch():
    token_ids = np.random.default_rng(3).integers(0, VOCABULARY, (4, 40)).astype("int32")
    return token_ids, np.array(LENGTHS)


def generate(engine, batch, **options):
    output = engine.generate(*batch, **{"limits": LIMITS, **options})
    return [
        row[:length].tolist() for row, length in zip(output.token_ids, output.lengths, strict=True)
    ]


def prompts_of(batch):
    return [row[:length].tolist() for row, length in zip(*batch, strict=True)]


@pytest.mark.parametrize(
    ("chunk", "batch_size"),
    [pytest.param(4096, None, marks=not_tensorflow), (16, 2), (6, None)],
)
def test_greedy_search_is_the_naive_loop(model, run, batch, chunk, batch_size):
    """Prompts whole, in pieces, and in pieces that are shorter than a window."""
    engine = Engine(model, prompt_chunk=chunk)
    rows = generate(engine, batch, batch_size=batch_size)
    for row, prompt, limit in zip(rows, prompts_of(batch), LIMITS, strict=True):
        assert row == naive.generate(lambda ids: run(ids)[1], prompt, limit, pad_to=60)


@not_tensorflow
def test_beam_search(engine, run, batch):
    rows = generate(engine, batch, sampler=samplers.BeamSampler(3))
    for row, prompt, limit in zip(rows, prompts_of(batch), LIMITS, strict=True):
        best, *_ = naive_search.beam_search(lambda ids: run(ids)[1], prompt, limit, 3, width=60)
        assert row == best[1]


@not_tensorflow
def test_contrastive_search(engine, run, batch):
    rows = generate(engine, batch, sampler=samplers.ContrastiveSampler(3))
    for row, prompt, limit in zip(rows, prompts_of(batch), LIMITS, strict=True):
        assert row == naive_search.contrastive_search(run, prompt, limit, 3, 0.6, width=60)


SAMPLERS = {
    "random": samplers.RandomSampler(seed=3),
    "top_k": samplers.TopKSampler(k=5, seed=1),
    "top_p": samplers.TopPSampler(p=0.9, seed=2, transforms=[samplers.RepetitionPenalty(1.2)]),
    "beam": samplers.BeamSampler(2, return_all_beams=True),
    "contrastive": samplers.ContrastiveSampler(2),
}


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("random", "beam") else pytest.param(name, marks=not_tensorflow)
        for name in SAMPLERS
    ],
)
def test_a_full_cache_gives_the_same(engine, full, batch, name):
    options = {"sampler": SAMPLERS[name], "limits": LIMITS, "stop_token_ids": [5, 6]}
    expected = full.generate(*batch, **options)
    for batch_size in (None, 2):
        output = engine.generate(*batch, **options, batch_size=batch_size)
        np.testing.assert_array_equal(output.token_ids, expected.token_ids)
        if name == "beam":
            np.testing.assert_allclose(
                output.log_probabilities, expected.log_probabilities, rtol=1e-3, atol=1e-3
            )


@pytest.mark.parametrize(
    ("kind", "draft_tokens"),
    [
        ("lookup", 3),
        pytest.param("lookup", 12, marks=not_tensorflow),
        pytest.param("same", 5, marks=not_tensorflow),
        pytest.param("other", 3, marks=not_tensorflow),
    ],
)
def test_guesses_that_were_wrong_leave_nothing(model, full, batch, kind, draft_tokens):
    """Also guesses that are more than a window holds."""
    engine, draft = Engine(model, prompt_chunk=16), PromptLookup(adaptive=False)
    if kind != "lookup":
        other = model if kind == "same" else WindowedModel((4, 2), seed=4)
        engine, draft = engine.with_draft(other), ModelDraft()
    sampler = SpeculativeSampler(samplers.GreedySampler(), draft, draft_tokens)
    expected = generate(full, batch)
    for batch_size in (None, 2) if draft_tokens == 3 else (2,):
        assert generate(engine, batch, sampler=sampler, batch_size=batch_size) == expected


@not_tensorflow
def test_guesses_are_made_only_while_they_pay(engine, full, batch):
    sampler = SpeculativeSampler(samplers.GreedySampler(), PromptLookup(), 3)
    limits = [200, 160, 100, 110]
    expected = generate(full, batch, limits=limits)
    assert generate(engine, batch, limits=limits, sampler=sampler) == expected


@not_tensorflow
@pytest.mark.parametrize("kind", ["lookup", "same"])
def test_up_to_the_last_place_of_the_model(kind):
    """Where guesses have no room any more, one token is made at a time."""
    token_ids = np.random.default_rng(2).integers(0, VOCABULARY, (2, 100)), np.array([100, 5])
    model, full = (WindowedModel((20,), positions=137, plain=plain) for plain in (False, True))
    expected = generate(Engine(full), token_ids, limits=[137, 120])
    engine, draft = Engine(model, prompt_chunk=16), PromptLookup(adaptive=False)
    if kind == "same":
        engine, draft = engine.with_draft(model), ModelDraft()
    for sampler in (
        samplers.GreedySampler(),
        SpeculativeSampler(samplers.GreedySampler(), draft, 5),
    ):
        assert generate(engine, token_ids, limits=[137, 120], sampler=sampler) == expected


def test_the_stream_gives_the_same_tokens(engine, full, batch):
    expected = generate(full, batch)
    for batch_size in (None, 1):
        rows = prompts_of(batch)
        for step in engine.stream(*batch, limits=LIMITS, batch_size=batch_size):
            for row, token, active in zip(rows, step.tokens, step.active, strict=True):
                if active:
                    row.append(int(token))
        assert rows == expected


def test_a_draft_with_windows_beside_a_model_without(full, batch):
    fast = full.with_draft(WindowedModel((4, 2), seed=4))
    sampler = SpeculativeSampler(samplers.GreedySampler(), ModelDraft(), 3)
    assert generate(fast, batch, sampler=sampler) == generate(full, batch)


def slots_of(state):
    return [keys.shape[2] for keys, _ in state.cache]


@pytest.mark.parametrize("name", ["random", pytest.param("beam", marks=not_tensorflow)])
def test_a_cache_that_grows_and_shrinks(name):
    """A window of 150 is a plain cache with 128 places, and a ring of 152 with more."""
    token_ids = np.random.default_rng(6).integers(0, VOCABULARY, size=(2, 200))
    sampler, requests = SAMPLERS[name], []
    requests.append(Request(token_ids[0, :3], 125, seed=1))
    requests.append(Request(token_ids[1], 240, seed=2))
    results = []
    for plain in (False, True):
        model = WindowedModel((150, None, 8), plain=plain)
        slots, tokens, seen = Engine(model).slots(2, sampler=sampler), {}, []
        waiting = list(requests)
        while slots.busy or waiting:
            if waiting:
                slots.submit(waiting.pop(0))
                slots.step(1)
            for progress in slots.step(8):
                tokens.setdefault(progress.request, []).extend(progress.new_tokens.tolist())
            if slots._state is not None:
                seen.append(slots_of(slots._state))
        results.append(tokens)
        if not plain:
            sizes = [size for size, _ in groupby(seen)]
            assert sizes == [[128, 128, 8], [152, 256, 8], [128, 128, 8]] or name == "beam"
            assert [152, 256, 8] in sizes
    assert results[0] == results[1]


def test_what_a_cache_takes(engine, batch):
    """As many slots as the windows, rounded up, however long the rows are."""
    slots = engine.slots(2)
    for row in (0, 3):
        slots.submit(Request(batch[0][row], 250))
    slots.step(1)
    for places in (128, 256):
        while slots._state.capacity < places:
            slots.step(8)
        assert slots_of(slots._state) == [8, places, 16]


@pytest.mark.backends("jax")  # torch compiles nothing, TensorFlow as often
def test_as_many_programs_as_with_a_full_cache():
    counts = []
    for plain in (False, True):
        engine = Engine(WindowedModel((5, None), plain=plain), prompt_chunk=16)
        counts.append([])
        for length, limit, options in (
            (3, 9, {}),
            (30, 60, {}),
            (40, 60, {}),
            (100, 127, {}),
            (16, 200, {}),
            (60, 200, {"batch_size": 1}),
        ):
            token_ids = np.ones((2, length), "int32")
            engine.generate(token_ids, [length, 1], limits=limit, **options)
            counts[-1].append(engine.compilations)
    assert counts[0] == counts[1]
