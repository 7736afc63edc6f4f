"""The Keras model around an assembly of bricks."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, get_args, get_type_hints

import keras

from hornbook.backbones.adaptation import adaptations, enable_lora, restore
from hornbook.backbones.construction import dtype_policy
from hornbook.checkpoints.class_presets import ClassPresets


class Backbone(keras.Model):
    """A model without a head: token ids to hidden states.

    This class loads any family's checkpoint; the public classes of the families, which are made
    from their declarations, are constructed from sizes.

    Example:
        >>> from hornbook.models import LlamaBackbone
        >>> backbone = LlamaBackbone(
        ...     vocabulary_size=50, num_layers=1, num_query_heads=2, num_key_value_heads=1,
        ...     hidden_dim=8, intermediate_dim=12, head_dim=4,
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> backbone({"token_ids": ids, "padding_mask": np.ones_like(ids)}).shape
        (1, 3, 8)
    """

    config_class: ClassVar[type]
    build_assembly: ClassVar[Callable[..., Any]]
    family: ClassVar[Any]
    presets = ClassPresets()

    def __init__(self, *, dtype: Any = None, name: str | None = None, **config: Any) -> None:
        if type(self) is Backbone:
            raise TypeError(
                "Backbone is made by from_preset(); a family's own class in "
                "hornbook.models is made from sizes."
            )
        values = config_from_dict(self.config_class, config)
        with dtype_policy(dtype):
            assembly = self.build_assembly(values)
            inputs = assembly.inputs()
            outputs = assembly.outputs(inputs)
            super().__init__(inputs=inputs, outputs=outputs, name=name)
        self.config = values
        self.assembly = assembly

    def __call__(self, inputs: Any, *args: Any, **options: Any) -> Any:
        # Before `call`, Keras looks whether the inputs are all there.
        return super().__call__(read_inputs(self, inputs), *args, **options)

    def _standardize_inputs(self, inputs: Any) -> Any:
        # On JAX, `fit` goes by `call` alone.
        return super()._standardize_inputs(read_inputs(self, inputs))

    @property
    def token_embedding(self) -> keras.layers.Layer:
        """The embedding of the tokens; called with `reverse=True` it projects back to them."""
        return self.assembly.token_embedding

    def cache_slots(self, max_length: int, ahead: int = 0) -> tuple[int, ...]:
        """The slots of each layer's cache; decoders only, see `Decoder.cache_slots`."""
        return self.assembly.cache_slots(max_length, ahead)

    def init_cache(self, batch_size: int, slots: int | Sequence[int]) -> Any:
        """Empty keys and values for `call_with_cache`; decoders only, see `Decoder.init_cache`."""
        return self.assembly.init_cache(batch_size, slots)

    @property
    def restart_lengths(self) -> tuple[int, ...]:
        """A sequence that becomes longer than one of these is computed anew; decoders only."""
        return self.assembly.restart_lengths

    def call_with_cache(
        self, token_ids: Any, cache: Any, positions: Any, lengths: Any = None
    ) -> tuple[Any, Any]:
        """Hidden states of the tokens at `positions` onwards, and the updated cache.

        See `Decoder.call_with_cache`.
        """
        return self.assembly.call_with_cache(token_ids, cache, positions, lengths)

    @classmethod
    def from_preset(cls, preset: str | Path, **options: Any) -> Self:
        """Loads a backbone; see `hornbook.checkpoints.load_backbone` for the arguments."""
        from hornbook.checkpoints.loading import load_backbone

        return load_backbone(cls, preset, **options)

    def save_to_preset(self, folder: str | Path, **options: Any) -> None:
        """Writes the backbone in Hugging Face's format; see `hornbook.checkpoints.save_model`."""
        from hornbook.checkpoints.saving import save_backbone

        save_backbone(self, folder, **options)

    def enable_lora(self, rank: int, targets: Iterable[str] | None = None) -> None:
        """Freezes the model and trains low-rank updates of the `Linear` bricks of these names.

        By default they are the queries and values, or where there are none, all of the
        feed-forward networks.
        """
        enable_lora(self, rank, targets)

    def get_config(self) -> dict[str, Any]:
        policy = keras.dtype_policies.serialize(self.token_embedding.dtype_policy)
        config = {**config_to_dict(self.config), "dtype": policy, "name": self.name}
        done = adaptations(self)
        return {**config, "adaptations": done} if done else config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Self:
        config = dict(config)
        done = config.pop("adaptations", {})
        backbone = cls(**config)
        restore(backbone, done)
        return backbone


def read_inputs(model: keras.Model, inputs: Any) -> Any:
    """The inputs that a model has.

    They are without `segment_ids`, where it tells no segments apart, and with None for what is
    optional and left out.
    """
    if not isinstance(inputs, dict):
        return inputs
    own = model.input
    optional = (name for name, tensor in own.items() if tensor._keras_history.operation.optional)
    kept = {name: value for name, value in inputs.items() if name in own or name != "segment_ids"}
    return {**dict.fromkeys(optional), **kept}


def config_to_dict(config: Any) -> dict[str, Any]:
    """A config dataclass as plain JSON values."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(config).items()
    }


def config_from_dict(config_class: type, values: dict[str, Any]) -> Any:
    """A config dataclass from plain JSON values; nested dataclasses may be given as dicts."""
    hints = get_type_hints(config_class)
    unknown = sorted(set(values) - {field.name for field in fields(config_class)})
    if unknown:
        raise TypeError(f"Unknown arguments: {', '.join(unknown)}; known are {', '.join(hints)}.")
    return config_class(**{name: _typed(value, hints[name]) for name, value in values.items()})


def _typed(value: Any, hint: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, dict):
        nested: Any = next(kind for kind in (hint, *get_args(hint)) if is_dataclass(kind))
        return nested(**value)
    return value
