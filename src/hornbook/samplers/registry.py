"""Samplers by name, and as plain configs."""

from collections.abc import Mapping
from typing import Any

import keras

from hornbook.errors import GenerationError
from hornbook.samplers.beam import BeamSampler
from hornbook.samplers.contrastive import ContrastiveSampler
from hornbook.samplers.greedy import GreedySampler
from hornbook.samplers.min_p import MinPSampler
from hornbook.samplers.random import RandomSampler
from hornbook.samplers.sampler import Sampler
from hornbook.samplers.top_k import TopKSampler
from hornbook.samplers.top_p import TopPSampler

SAMPLERS: Mapping[str, type[Sampler]] = {
    "greedy": GreedySampler,
    "random": RandomSampler,
    "top_k": TopKSampler,
    "top_p": TopPSampler,
    "min_p": MinPSampler,
    "beam": BeamSampler,
    "contrastive": ContrastiveSampler,
}


def get(identifier: str | Sampler | Mapping[str, Any]) -> Sampler:
    """Makes a sampler of a name, a config, or a sampler itself.

    Raises:
        GenerationError: when it is neither; the message lists the names.

    Example:
        >>> get("top_k")
        TopKSampler(k=5, temperature=1.0, seed=None)
    """
    if isinstance(identifier, Sampler):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, str) and identifier in SAMPLERS:
        return SAMPLERS[identifier]()
    raise GenerationError(
        f"{identifier!r} is no sampler; expected one of {', '.join(SAMPLERS)}, an instance of "
        "hornbook.samplers.Sampler, or a config that serialize() gave"
    )


def serialize(sampler: Sampler) -> dict[str, Any]:
    """A sampler as plain JSON values."""
    return keras.saving.serialize_keras_object(sampler)


def deserialize(config: Mapping[str, Any], custom_objects: Any = None) -> Sampler:
    """The sampler that `serialize` was given; a name of `get` may stand for the class."""
    named = {f"{name}": kind for name, kind in SAMPLERS.items()}
    classes = {kind.__name__: kind for kind in SAMPLERS.values()}
    sampler = keras.saving.deserialize_keras_object(
        dict(config), custom_objects={**named, **classes, **(custom_objects or {})}
    )
    if not isinstance(sampler, Sampler):
        raise GenerationError(f"The config of class {config.get('class_name')!r} is no sampler")
    return sampler
