"""From the sampling options of a command to a sampler."""

from typing import Any

import typer

from hornbook.cli.arguments import SamplerName

ACCEPTED = {
    SamplerName.GREEDY: set[str](),
    SamplerName.RANDOM: {"temperature"},
    SamplerName.TOP_K: {"temperature", "top-k"},
    SamplerName.TOP_P: {"temperature", "top-p", "top-k"},
    SamplerName.MIN_P: {"temperature", "min-p"},
    SamplerName.BEAM: {"temperature"},
    SamplerName.CONTRASTIVE: {"temperature", "top-k"},
}
ARGUMENTS = {"temperature": "temperature", "top-k": "k", "top-p": "p", "min-p": "p"}


def choose_name(name: SamplerName | None, given: dict[str, float]) -> SamplerName | None:
    """The sampler that the given options belong to; None when none of them was given.

    Raises:
        typer.BadParameter: when no sampler takes all of the options.
    """
    if given.get("temperature") == 0:
        return SamplerName.GREEDY  # what every other one tends to
    fitting = [each for each in ([name] if name else SamplerName) if set(given) <= ACCEPTED[each]]
    if not fitting:
        asked = f"the sampler {name}" if name else "one sampler"
        raise typer.BadParameter(f"--{', --'.join(sorted(given))} can't be used with {asked}")
    return fitting[0] if name or given else None


def make_sampler(name: SamplerName | None, **options: float | None) -> Any:
    """The sampler for the options; None, for the model's own, when they name none.

    Args:
        name: of the sampler, if it was given.
        **options: `temperature`, `top_k`, `top_p`, `min_p`; None where not given.
    """
    from hornbook.samplers.registry import SAMPLERS

    given = {key.replace("_", "-"): value for key, value in options.items() if value is not None}
    chosen = choose_name(name, given)
    if chosen is None:
        return None
    make: Any = SAMPLERS[chosen]
    if chosen is SamplerName.GREEDY:
        return make()
    return make(**{ARGUMENTS[key]: value for key, value in given.items()})
