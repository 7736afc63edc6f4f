"""Which sampler the options of `generate` and `chat` give."""

import pytest
import typer

from hornbook.cli.arguments import SamplerName
from hornbook.cli.sampling import ACCEPTED, make_sampler
from hornbook.samplers.registry import SAMPLERS


def made(name=None, **options):
    return make_sampler(name and SamplerName(name), **options)


def test_every_sampler_can_be_named():
    assert [name.value for name in SamplerName] == list(SAMPLERS)
    assert set(ACCEPTED) == set(SamplerName)


@pytest.mark.parametrize(
    ("options", "name", "config"),
    [
        ({"temperature": 0.5, "top_k": None}, "RandomSampler", {"temperature": 0.5}),
        ({"temperature": 0.0, "top_k": 4}, "GreedySampler", {}),
        ({"top_k": 9}, "TopKSampler", {"k": 9, "temperature": 1.0}),
        (
            {"top_p": 0.9, "top_k": 40, "temperature": 0.7},
            "TopPSampler",
            {"p": 0.9, "k": 40, "temperature": 0.7},
        ),
        ({"min_p": 0.1}, "MinPSampler", {"p": 0.1, "temperature": 1.0}),
        ({"name": "greedy"}, "GreedySampler", {}),
        ({"name": "random"}, "RandomSampler", {"temperature": 1.0}),
    ],
)
def test_the_options_choose_the_sampler(options, name, config):
    sampler = made(**options)
    assert type(sampler).__name__ == name
    assert config.items() <= sampler.get_config().items()


def test_without_options_the_model_keeps_its_own():
    assert made(temperature=None, top_k=None) is None


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
