"""What all preprocessors have in common: a tokenizer, a length, a configuration."""

import abc
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np

from hornbook.checkpoints.class_presets import ClassPresets
from hornbook.errors import DataError
from hornbook.preprocessing import tensorflow_graph
from hornbook.preprocessing.packing import bucket_length
from hornbook.preprocessing.text_columns import column_strings, split_columns
from hornbook.tokenizers.layer_form import LayerForm
from hornbook.tokenizers.tensorflow_inputs import is_tensorflow
from hornbook.tokenizers.tokenizer import Tokenizer

PadTo = Literal["sequence_length", "longest"]
Arrays = tuple[np.ndarray, ...]


class Preprocessor(LayerForm, abc.ABC):
    """Turns text into what a model is called with: the base of all preprocessors.

    A preprocessor is a plain callable: it works on strings and numpy arrays, in a
    `keras.utils.PyDataset` or any other loader, and on string tensors inside
    `tf.data.Dataset.map`, with the same result.

    Args:
        tokenizer: what turns text into ids.
        sequence_length: rows are cut and padded to this many tokens.
    """

    tokenizer_class: ClassVar[type[Tokenizer]] = Tokenizer  # type: ignore[type-abstract]
    """The class that `from_config` makes the tokenizer of, where that is for its kind."""
    presets = ClassPresets()
    makes_labels: ClassVar[bool]
    """Whether labels, and a weight for each, come from the text; else they are given beside it."""

    def __init__(self, tokenizer: Tokenizer, sequence_length: int) -> None:
        if sequence_length < 1:
            raise DataError(f"sequence_length is {sequence_length}; expected 1 or more")
        self.tokenizer = tokenizer
        self.sequence_length = sequence_length

    @abc.abstractmethod
    def __call__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        sequence_length: int | None = None,
        pad_to: PadTo = "sequence_length",
    ) -> Any:
        """Turns text, with its labels and weights, into what `fit` trains on."""

    def predict_preprocess(
        self, x: Any, sequence_length: int | None = None, pad_to: PadTo = "sequence_length"
    ) -> Any:
        """Turns text into what `predict` runs on: the inputs alone."""
        made = self(x, sequence_length=sequence_length, pad_to=pad_to)
        return made[0] if isinstance(made, tuple) else made

    @classmethod
    def from_preset(cls, preset: str | Path, **options: Any) -> Self:
        """Loads the preprocessor of a model's checkpoint.

        Args:
            preset: a preset's name, hf://owner/name[@revision], package://module/path, a folder,
                or a `.gguf` file.
            **options: the constructor's arguments beside the tokenizer, such as
                `sequence_length`.

        Raises:
            PresetError: when the preset leads nowhere, or to a family without this task.
            TokenizerError: when it has no tokenizer, or a broken one.
        """
        from hornbook.checkpoints.loading import load_preprocessor

        return load_preprocessor(cls, preset, **options)

    def get_config(self) -> dict[str, Any]:
        """Returns the preprocessor as plain JSON values, its tokenizer included."""
        return {"tokenizer": self.tokenizer.get_config(), "sequence_length": self.sequence_length}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds the preprocessor that a `get_config` came from."""
        from hornbook.tokenizers.kinds import as_class

        tokenizer = as_class(Tokenizer.from_config(config["tokenizer"]), cls.tokenizer_class)
        return cls(**{**config, "tokenizer": tokenizer})

    @property
    def pad_token_id(self) -> int:
        """The id that rows are filled up with: the padding token's, else 0, which is masked."""
        return self.tokenizer.pad_token_id or 0

    def _run(
        self,
        function: Callable[..., Arrays],
        x: Any,
        dtypes: Sequence[str],
        sequence_length: int | None,
        pad_to: PadTo,
        shapes: Sequence[tuple[int | None, ...]] | None = None,
    ) -> Sequence[Any]:
        """Calls `function(columns of strings, length, pad_to)`, which gives [batch, ...] arrays.

        One text gives arrays without the batch axis. For tensors of TensorFlow, also symbolic
        ones, the results are tensors, and static in shape unless padding is to the longest;
        `shapes` says what follows the batch axis where that isn't the length.
        """
        if pad_to not in ("sequence_length", "longest"):
            raise DataError(f"pad_to is {pad_to!r}; expected 'sequence_length' or 'longest'")
        length = sequence_length or self.sequence_length
        columns, batched = split_columns(x)

        def on_values(*values: Any) -> Arrays:
            arrays = function([column_strings(value) for value in values], length, pad_to)
            return arrays if batched else tuple(array[0] for array in arrays)

        if not is_tensorflow(columns[0]):
            return on_values(*columns)
        static = length if pad_to == "sequence_length" else None
        shapes = shapes or ((static,),) * len(dtypes)
        return tensorflow_graph.call(on_values, columns, dtypes, shapes)


def padded_length(longest: int, length: int, pad_to: PadTo) -> int:
    """How many tokens a batch is padded to."""
    return length if pad_to == "sequence_length" else bucket_length(longest, length)


def with_targets(features: Any, y: Any, sample_weight: Any) -> Any:
    """What `fit` takes: the inputs, with labels `(x, y)`, with weights `(x, y, sample_weight)`."""
    if sample_weight is not None:
        return features, y, sample_weight
    return features if y is None else (features, y)


def row_weights(weights: Any, sample_weight: Any) -> Any:
    """Each token's weight [batch, tokens], times its row's [batch], where rows have one."""
    if sample_weight is None:
        return weights
    if not is_tensorflow(sample_weight):
        return weights * np.asarray(sample_weight, "float32")[..., None]
    import tensorflow as tf

    return weights * tf.cast(sample_weight, tf.float32)[..., None]
