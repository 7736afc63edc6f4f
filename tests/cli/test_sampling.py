"""Which sampler the options of `generate` and `chat` give."""

import pytest
import typer

from hornbook.cli.arguments import SamplerName
from hornbook.cli.sampling import ACCEPTED, make_sampler
from hornbook.samplers import GreedySampler, RandomSampler, TopKSampler
from hornbook.samplers.registry import SAMPLERS


def made(name=None, seed=7, default=None, **options):
    default = default or TopKSampler(k=3)
    sampler = make_sampler(default, name and SamplerName(name), seed, **options)
    return type(sampler).__name__, sampler.get_config()


def test_every_sampler_can_be_named():
    assert [name.value for name in SamplerName] == list(SAMPLERS)
    assert set(ACCEPTED) == set(SamplerName)


@pytest.mark.parametrize(
    ("options", "name", "config"),
    [
        ({}, "TopKSampler", {"k": 3, "temperature": 1.0, "seed": 7}),
        ({"top_k": None, "seed": None}, "TopKSampler", {"k": 3, "temperature": 1.0, "seed": None}),
        ({"temperature": 0.5}, "RandomSampler", {"temperature": 0.5, "seed": 7}),
        ({"temperature": 0.0, "top_k": 4}, "GreedySampler", {}),
        ({"top_k": 9}, "TopKSampler", {"k": 9, "temperature": 1.0, "seed": 7}),
        (
            {"top_p": 0.9, "top_k": 40, "temperature": 0.7},
            "TopPSampler",
            {"p": 0.9, "k": 40, "temperature": 0.7, "seed": 7},
        ),
        ({"min_p": 0.1}, "MinPSampler", {"p": 0.1, "temperature": 1.0, "seed": 7}),
        ({"name": "greedy"}, "GreedySampler", {}),
        ({"name": "random"}, "RandomSampler", {"temperature": 1.0, "seed": 7}),
    ],
)
def test_the_options_choose_the_sampler(options, name, config):
    assert made(**options) == (name, config)


def test_a_models_own_greedy_sampler_has_no_seed():
    assert made(default=GreedySampler()) == ("GreedySampler", {})
    assert made(default=RandomSampler()) == ("RandomSampler", {"temperature": 1.0, "seed": 7})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "greedy", "top_k": 3}, "--top-k can't be used with the sampler greedy"),
        ({"top_k": 3, "min_p": 0.1}, "--min-p, --top-k can't be used with one sampler"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(typer.BadParameter, match=message):
        made(**options)
