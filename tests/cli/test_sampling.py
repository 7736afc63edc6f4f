"""Which sampler the options of `generate` and `chat` give."""

import inspect
from dataclasses import fields

import pytest
import typer

from hornbook.cli.arguments import SamplerName
from hornbook.cli.sampling import ACCEPTED, TRANSFORMS, Sampling, takes_sampling
from hornbook.samplers import NoRepeatNGrams, RepetitionPenalty, TopKSampler
from hornbook.samplers.registry import SAMPLERS

OWN = TopKSampler(k=3, transforms=[RepetitionPenalty(1.5)])


def made(name=None, **options):
    return Sampling(name and SamplerName(name), **options).make_sampler()(OWN)


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
        ({"num_beams": 3}, "BeamSampler", {"num_beams": 3, "length_penalty": 1.0}),
        (
            {"num_beams": 2, "length_penalty": -0.5, "temperature": 2.0},
            "BeamSampler",
            {"num_beams": 2, "length_penalty": -0.5, "temperature": 2.0},
        ),
        ({"alpha": 0.3}, "ContrastiveSampler", {"alpha": 0.3, "k": 5}),
        ({"alpha": 0.3, "top_k": 4}, "ContrastiveSampler", {"alpha": 0.3, "k": 4}),
        ({"name": "greedy"}, "GreedySampler", {}),
        ({"name": "random"}, "RandomSampler", {"temperature": 1.0}),
    ],
)
def test_the_options_choose_the_sampler(options, name, config):
    sampler = made(**options)
    assert type(sampler).__name__ == name
    assert config.items() <= sampler.get_config().items()


def test_without_options_the_model_keeps_its_own():
    assert made(temperature=None, top_k=None).get_config() == OWN.get_config()
    penalised = made(no_repeat_ngrams=2)
    assert isinstance(penalised, TopKSampler)
    assert penalised.k == 3
    assert penalised.transforms == (RepetitionPenalty(1.5), NoRepeatNGrams(2))
    assert OWN.transforms == (RepetitionPenalty(1.5),)


def test_penalties_go_with_every_sampler():
    for name in SamplerName:
        sampler = made(
            name, repetition_penalty=1.2, frequency_penalty=0.5, presence_penalty=-1.0, alpha=None
        )
        assert [repr(transform) for transform in sampler.transforms] == [
            "RepetitionPenalty(penalty=1.2)",
            "FrequencyPenalty(penalty=0.5, with_prompt=True)",
            "PresencePenalty(penalty=-1.0, with_prompt=True)",
        ]


def test_a_command_gets_an_option_for_each_field():
    @takes_sampling
    def command(model: str, *, sampling: Sampling, other: int = 1) -> None:
        seen.append((model, sampling, other))

    seen = []
    names = list(inspect.signature(command).parameters)
    assert names == ["model", *(field.name for field in fields(Sampling)), "other"]
    arguments = dict.fromkeys(names[1:-1])
    command(model="m", other=2, **{**arguments, "top_k": 4})
    assert seen == [("m", Sampling(top_k=4), 2)]
    assert set(TRANSFORMS) < set(names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "greedy", "top_k": 3}, "--top-k can't be used with the sampler greedy"),
        ({"top_k": 3, "min_p": 0.1}, "--min-p, --top-k can't be used with one sampler"),
        ({"num_beams": 3, "top_p": 0.5}, "--num-beams, --top-p can't be used with one sampler"),
        ({"num_beams": 3, "temperature": 0.0}, "--num-beams, --temperature .* is greedy search"),
        ({"name": "contrastive", "temperature": 0.0}, "the sampler contrastive; --temperature 0"),
        ({"name": "top_k", "alpha": 0.5}, "--alpha can't be used with the sampler top_k"),
        ({"length_penalty": float("nan")}, "--length-penalty: length_penalty is nan"),
        ({"top_p": 0.0}, "--top-p: p is 0.0"),
        ({"repetition_penalty": 0.0}, "--repetition-penalty: penalty is 0.0"),
        ({"num_beams": 2, "draft": "prompt_lookup"}, "--draft: BeamSampler.*leave the draft out"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(typer.BadParameter, match=message):
        made(**options)
