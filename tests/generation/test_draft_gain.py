"""Guesses that are made only where they save more than they cost."""

import numpy as np
import pytest

from hornbook import samplers
from hornbook.generation.draft_gain import LOOK_STEPS, DraftGain
from hornbook.generation.drafts import ModelDraft, PromptLookup
from hornbook.generation.speculation import SpeculativeSampler

RANDOM = np.random.default_rng(0).integers(0, 1000, 400)
ROUND = np.arange(400) % 10


def gain_after(*texts, count=3, clock=()):
    """The gain of a draft after it has seen a text in each slot, eight tokens at a time."""
    gain = DraftGain(PromptLookup(), count, len(texts))
    for timed in clock:
        gain.clock(*timed)
    for slot, text in enumerate(texts):
        gain.enter(slot, 20)
        for length in range(21, len(text), LOOK_STEPS):
            gain.look(slot, text, length)
    return gain


def test_guesses_are_worth_it_where_the_text_repeats():
    assert gain_after(ROUND).is_worth([0])
    assert not gain_after(RANDOM).is_worth([0])
    assert not gain_after(ROUND[:20]).is_worth([0])  # nothing is known yet
    assert gain_after(ROUND, RANDOM).is_worth([0, 1])  # (4 + 1) / 2 tokens a step
    assert not gain_after(ROUND, RANDOM).is_worth([1])


def test_they_begin_and_end_with_the_repetition():
    assert gain_after(np.concatenate([RANDOM[:200], ROUND[:100]])).is_worth([0])
    assert not gain_after(np.concatenate([ROUND[:200], RANDOM[:100]])).is_worth([0])


def test_a_new_request_begins_anew():
    gain = gain_after(ROUND)
    gain.enter(0, 5)
    assert not gain.is_worth([0])


@pytest.mark.parametrize(("cost", "worth"), [(3.5, True), (3.8, False), (4.5, False)])
def test_what_a_step_with_guesses_costs_is_measured(cost, worth):
    compiled = [(128, True, 100.0), (128, False, 1.0)]  # the first step of each doesn't count
    clock = [*compiled, (128, True, cost), (128, False, 1.0), (128, False, 2.0)]
    assert gain_after(ROUND, clock=clock).is_worth([0]) == worth
    assert gain_after(ROUND, clock=compiled).is_worth([0])


def test_what_began_goes_on_as_long_as_it_pays():
    gain = gain_after(ROUND)
    assert gain.is_worth([0])
    for seconds in (9.0, 3.8):
        gain.clock(128, True, seconds)
        gain.clock(128, False, 1.0)
    assert gain.is_worth([0])  # 4 tokens for the time of 3.8, which wouldn't do to begin
    gain.clock(256, True, 9.0)
    gain.clock(256, False, 9.0)
    gain.clock(256, False, 1.0)
    assert gain.is_worth([0])  # with another cache nothing is known yet
    gain.clock(256, True, 4.2)
    assert not gain.is_worth([0])


@pytest.mark.parametrize("draft", [ModelDraft(), PromptLookup(adaptive=False)])
def test_other_drafts_always_guess(draft):
    gain = DraftGain(draft, 3, 1)
    gain.enter(0, 20)
    gain.look(0, RANDOM, 300)
    assert gain.is_worth([0])


@pytest.mark.parametrize("temperature", [None, 0.05, 9.0])
def test_the_tokens_are_the_same(engine, temperature, monkeypatch):
    """Likely tokens soon go round and round in this model; random ones never do."""
    decisions = []

    def is_worth(self, slots, decide=DraftGain.is_worth):
        decisions.append(decide(self, slots))
        return decisions[-1]

    monkeypatch.setattr(DraftGain, "is_worth", is_worth)
    monkeypatch.setattr(DraftGain, "clock", lambda *_: None)
    token_ids = np.random.default_rng(3).integers(0, 37, size=(1, 16))
    sampler = samplers.GreedySampler()
    if temperature is not None:
        sampler = samplers.TopKSampler(k=9, temperature=temperature, seed=1)
    drafted = SpeculativeSampler(sampler, PromptLookup(), 3)
    output = engine.generate(token_ids, [16], limits=90, sampler=drafted)
    expected = engine.generate(token_ids, [16], limits=90, sampler=sampler)
    np.testing.assert_array_equal(output.token_ids, expected.token_ids)
    assert not decisions[0]
    assert any(decisions) == (temperature != 9.0)
