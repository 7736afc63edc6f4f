"""The options of a command that say how tokens are picked, and the sampler that they give."""

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from hornbook.cli.arguments import (
    AlphaOption,
    DraftOption,
    FrequencyPenaltyOption,
    LengthPenaltyOption,
    MinPOption,
    NoRepeatNGramsOption,
    NumBeamsOption,
    PresencePenaltyOption,
    RepetitionPenaltyOption,
    SamplerName,
    SamplerOption,
    SeedOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
)
from hornbook.errors import GenerationError

if TYPE_CHECKING:
    from hornbook.samplers import Sampler

ACCEPTED: Mapping[SamplerName, Mapping[str, str]] = {
    SamplerName.GREEDY: {},
    SamplerName.RANDOM: {"temperature": "temperature"},
    SamplerName.TOP_K: {"temperature": "temperature", "top_k": "k"},
    SamplerName.TOP_P: {"temperature": "temperature", "top_p": "p", "top_k": "k"},
    SamplerName.MIN_P: {"temperature": "temperature", "min_p": "p"},
    SamplerName.BEAM: {
        "temperature": "temperature",
        "num_beams": "num_beams",
        "length_penalty": "length_penalty",
    },
    SamplerName.CONTRASTIVE: {"temperature": "temperature", "top_k": "k", "alpha": "alpha"},
}
"""The options of each sampler, and its arguments that they are."""

SEARCHES = (SamplerName.BEAM, SamplerName.CONTRASTIVE)
"""Samplers that draw nothing."""

TRANSFORMS: Mapping[str, str] = {
    "repetition_penalty": "RepetitionPenalty",
    "frequency_penalty": "FrequencyPenalty",
    "presence_penalty": "PresencePenalty",
    "no_repeat_ngrams": "NoRepeatNGrams",
}
"""The options that any sampler takes, and the transforms that they make, in the order of calls."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are picked; None is what was not given."""

    sampler: SamplerOption = None
    temperature: TemperatureOption = None
    top_k: TopKOption = None
    top_p: TopPOption = None
    min_p: MinPOption = None
    num_beams: NumBeamsOption = None
    length_penalty: LengthPenaltyOption = None
    alpha: AlphaOption = None
    repetition_penalty: RepetitionPenaltyOption = None
    frequency_penalty: FrequencyPenaltyOption = None
    presence_penalty: PresencePenaltyOption = None
    no_repeat_ngrams: NoRepeatNGramsOption = None
    seed: SeedOption = None
    draft: DraftOption = None

    def choose_name(self) -> SamplerName | None:
        """The sampler that the options belong to; None when none of them was given.

        Raises:
            typer.BadParameter: when no sampler takes all of them.
        """
        given = self._given({option for options in ACCEPTED.values() for option in options})
        greedy = self.temperature == 0  # what all that draw tend to
        named = [self.sampler] if self.sampler else list(SamplerName)
        names = [name for name in named if not (greedy and name in SEARCHES)]
        needed = set(given) - ({"temperature"} if greedy else set())
        fitting = [name for name in names if needed <= set(ACCEPTED[name])]
        if not fitting:
            asked = f"the sampler {self.sampler}" if self.sampler else "one sampler"
            hint = "; --temperature 0 is greedy search" if greedy else ""
            raise typer.BadParameter(
                f"{_flags(given)} can't be used with {asked}{hint}; leave one of them out"
            )
        if greedy:
            return SamplerName.GREEDY
        return fitting[0] if self.sampler or given else None

    def make_sampler(self) -> Callable[[Any], "Sampler"]:
        """Makes what is called with a model's own sampler and gives the one to use.

        That is the model's own unless the options name another one; penalties go with either.

        Raises:
            typer.BadParameter: when the options don't go together, or have none of their values.
        """
        from hornbook import samplers
        from hornbook.generation.speculation import check_probabilities
        from hornbook.samplers.registry import SAMPLERS

        name = self.choose_name()
        transforms = []
        for option, value in self._given(TRANSFORMS).items():
            with _explained([option]):
                transforms.append(getattr(samplers, TRANSFORMS[option])(value))
        if name is None:
            return lambda own: own.with_transforms((*own.transforms, *transforms))
        given = self._given(ACCEPTED[name])
        with _explained(given):
            make: Any = SAMPLERS[name]
            arguments = {ACCEPTED[name][option]: value for option, value in given.items()}
            sampler = make(**arguments, transforms=transforms)
        if self.draft is not None:
            with _explained(["draft"]):
                check_probabilities(sampler)
        return lambda own: sampler

    def _given(self, names: Collection[str]) -> dict[str, Any]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: value for key, value in values.items() if key in names and value is not None}


def takes_sampling(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options of `Sampling`, in the place of its parameter `sampling`."""
    hints = get_type_hints(Sampling, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(field.name, keyword, default=field.default, annotation=hints[field.name])
        for field in fields(Sampling)
    ]
    signature = inspect.signature(command)
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        parameters += options if name == "sampling" else [parameter.replace(kind=keyword)]

    @wraps(command)
    def with_options(**given: Any) -> None:
        sampling = Sampling(**{option.name: given.pop(option.name) for option in options})
        command(**given, sampling=sampling)

    vars(with_options)["__signature__"] = signature.replace(parameters=parameters)
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options


def _flags(options: Iterable[str]) -> str:
    return ", ".join(f"--{option.replace('_', '-')}" for option in sorted(options))


@contextmanager
def _explained(options: Iterable[str]) -> Iterator[None]:
    """Says in an error about a value which options it came from."""
    try:
        yield
    except GenerationError as error:
        raise typer.BadParameter(f"{_flags(options)}: {error}") from error
