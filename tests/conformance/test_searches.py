"""Beam and contrastive search and drafts give what their plainest forms give, in every family."""

import dataclasses

import keras
import numpy as np
import pytest

from conformance.cases import FIRST_CASES, every
from conformance.inputs import batch
from generation import naive, naive_search
from hornbook import samplers
from hornbook.generation.drafts import PromptLookup
from hornbook.generation.speculation import SpeculativeSampler
from shares import not_tensorflow

pytestmark = [pytest.mark.behaviour, not_tensorflow]

FIRST = [case for case in FIRST_CASES if case.is_decoder]
LENGTHS = (7, 2)
LIMIT = 14
"""A length, prompt included: at least seven steps, and a cache longer than the tests' windows."""
K = 3
"""Beams, candidates, and tokens that are guessed at a time."""
GREEDY = samplers.GreedySampler()
OPTIONS = {"max_length": LIMIT, "stop_token_ids": None}


@pytest.fixture
def model(case, task):
    """The case's language model, loaded from the original's checkpoint; not to be changed."""
    return task(case, case.family.head("CausalLM"))


@pytest.fixture
def run(model):
    """Hidden states and logits of whole rows [K, LIMIT], without a cache."""

    def run(token_ids):
        inputs = {"token_ids": token_ids, "padding_mask": keras.ops.ones_like(token_ids)}
        hidden = model.backbone(inputs)
        return hidden, model.project(hidden)

    return naive.compiled(run)


def prompts(case):
    inputs = batch(case, LENGTHS, seed=5)
    rows = zip(inputs["token_ids"], LENGTHS, strict=True)
    return inputs, [row[:length].tolist() for row, length in rows]


@every(FIRST)
def test_beam_search(case, model, run):
    inputs, rows = prompts(case)
    sampler = samplers.BeamSampler(K, return_all_beams=True)
    output = model.generate(inputs, sampler=sampler, **OPTIONS)
    for beams, row in zip(output["token_ids"], rows, strict=True):
        expected = naive_search.beam_search(
            lambda token_ids: run(token_ids)[1], row, LIMIT, K, width=LIMIT
        )
        assert beams.tolist() == [tokens for _, tokens in expected]


@every(FIRST)
def test_contrastive_search(case, model, run):
    inputs, rows = prompts(case)
    output = model.generate(inputs, sampler=samplers.ContrastiveSampler(K), **OPTIONS)
    assert output["token_ids"].tolist() == [
        naive_search.contrastive_search(run, row, LIMIT, K, alpha=0.6, width=LIMIT) for row in rows
    ]


def lookup(case, model):
    # As draft="prompt_lookup", but for guessing also where that doesn't pay.
    return {"sampler": SpeculativeSampler(GREEDY, PromptLookup(adaptive=False), K)}


def same(case, model):
    return {"sampler": GREEDY, "draft": model, "draft_tokens": K}


def smaller(case, model):
    keras.utils.set_random_seed(6)
    config = dataclasses.replace(case.config, num_layers=1)
    draft = case.task_class(case.family.head("CausalLM"))(case.backbone_class(**vars(config)))
    return {"sampler": GREEDY, "draft": draft, "draft_tokens": K}


ONCE = pytest.mark.backends("torch")  # two models are compiled together for `same`, too


@every(FIRST)
@pytest.mark.parametrize("drafted", [lookup, same, pytest.param(smaller, marks=ONCE)])
def test_guesses_change_nothing(case, model, drafted):
    inputs, _ = prompts(case)
    # A text that repeats itself, so that some of what is looked up is right.
    inputs["token_ids"] = np.tile(inputs["token_ids"][:, :2], (1, 4))[:, : max(LENGTHS)]
    expected = model.generate(inputs, sampler=GREEDY, **OPTIONS)["token_ids"]
    output = model.generate(inputs, **drafted(case, model), **OPTIONS)["token_ids"]
    assert output.tolist() == expected.tolist()
