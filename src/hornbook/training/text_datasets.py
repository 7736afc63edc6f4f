"""Datasets that yield batches of raw text, made to yield what a model trains on."""

import itertools
import sys
from collections.abc import Callable, Iterator
from types import GeneratorType
from typing import Any

import keras

from hornbook.errors import DataError
from hornbook.preprocessing import Preprocessor
from hornbook.preprocessing.text_columns import is_text
from hornbook.training.background import BackgroundBatches

Convert = Callable[[Any], Any]

NO_PREPROCESSOR = (
    "Got text, but the model has no preprocessor to read it; load the model with its tokenizer, "
    'give it a preprocessor, or pass {"token_ids": ..., "padding_mask": ...} instead of text'
)

SINGLE_TEXTS = (
    "The dataset yields single texts; expected batches, as lists or arrays of texts: call "
    ".batch(batch_size) on it, or yield a list"
)

GRAIN = (("grain", "MapDataset"), ("grain", "IterDataset"), ("grain", "DataLoader"))
LOADERS = (
    ("tensorflow", "data.Dataset"),
    ("torch", "utils.data.DataLoader"),
    *GRAIN,
)


def convert_batch(preprocessor: Preprocessor | None, batch: Any) -> Any:
    """Preprocesses a batch `x`, `(x, y)` or `(x, y, sample_weight)` if its `x` is text.

    Raises:
        DataError: when it is text and there is no preprocessor, or a single text.
    """
    if isinstance(batch, list) and batch and not isinstance(batch[0], str | bytes):
        batch = tuple(batch)  # as Keras takes a list
    parts = batch if isinstance(batch, tuple) else (batch,)
    if not parts or not is_text(parts[0]):
        return batch
    if preprocessor is None:
        raise DataError(NO_PREPROCESSOR)
    if isinstance(parts[0], str | bytes):
        raise DataError(SINGLE_TEXTS)
    return preprocessor(*parts)


def convert_dataset(
    preprocessor: Preprocessor | None, dataset: Any, seed: int | None = None
) -> Any:
    """Makes a dataset yield preprocessed batches; what isn't a dataset is returned as it is.

    Takes `keras.utils.PyDataset`, `tf.data.Dataset`, torch's `DataLoader`, grain's `MapDataset`,
    `IterDataset` and `DataLoader`, and generators. Batches that hold no text pass through
    unchanged. The work is done in the background, for which a few batches beyond those that are
    used are taken from a generator. The seed is of the order of a `PyDataset`'s batches, which is
    kept if there is none.
    """

    def convert(batch: Any) -> Any:
        return convert_batch(preprocessor, batch)

    if isinstance(dataset, BackgroundBatches | ConvertedBatches):
        return dataset
    if isinstance(dataset, keras.utils.PyDataset):
        converted = ConvertedBatches(dataset, convert)
        if preprocessor is None or dataset.use_multiprocessing:
            return converted
        return BackgroundBatches(converted, workers=max(dataset.workers, 1), seed=seed)
    if isinstance(dataset, GeneratorType):
        return _in_turn(BackgroundBatches(ConvertedBatches(InOrder(dataset, None), convert)))
    if is_a(dataset, "tensorflow", "data.Dataset"):
        return _convert_tensorflow(dataset, convert)
    if is_a(dataset, "torch", "utils.data.DataLoader"):
        return BackgroundBatches(ConvertedBatches(InOrder(dataset, len(dataset)), convert))
    if is_a(dataset, "grain", "MapDataset"):
        length = len(dataset) if len(dataset) < sys.maxsize else None  # repeated without end
        return BackgroundBatches(ConvertedBatches(InOrder(dataset, length), convert))
    if any(is_a(dataset, *name) for name in GRAIN):
        from hornbook.training.grain_datasets import converted_ahead

        return converted_ahead(dataset, convert)
    return dataset


def has_own_order(dataset: Any) -> bool:
    """Says whether Keras can't, or needn't, shuffle what `convert_dataset` returned."""
    if isinstance(dataset, BackgroundBatches | GeneratorType):
        return True
    return any(is_a(dataset, *name) for name in LOADERS)


def is_a(value: Any, module: str, path: str) -> bool:
    """Tells an instance of a class of a package that need not be installed."""
    found: Any = sys.modules.get(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    return isinstance(found, type) and isinstance(value, found)


def _convert_tensorflow(dataset: Any, convert: Convert) -> Any:
    import tensorflow as tf

    parts = dataset.element_spec
    spec = parts[0] if isinstance(parts, tuple) else parts
    if not is_text(spec):
        return dataset
    if tf.nest.flatten(spec)[0].shape.rank == 0:
        raise DataError(SINGLE_TEXTS)
    mapped = dataset.map(
        lambda *batch: convert(batch if len(batch) > 1 else batch[0]),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return mapped.prefetch(tf.data.AUTOTUNE)


def _in_turn(batches: BackgroundBatches) -> Iterator[Any]:
    """Batches up to a `StopIteration` as a generator of tuples, which Keras takes."""
    for index in itertools.count():
        try:
            batch = batches[index]
        except StopIteration:
            return
        yield batch if isinstance(batch, tuple) else (batch,)


class ConvertedBatches(keras.utils.PyDataset):
    """A `PyDataset` whose batches are converted when they are asked for."""

    def __init__(self, source: Any, convert: Convert) -> None:
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self.source = source
        self.convert = convert

    @property
    def num_batches(self) -> int | None:
        return self.source.num_batches

    def __getitem__(self, index: int) -> Any:
        return self.convert(self.source[index])

    def on_epoch_begin(self) -> None:
        self.source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.source.on_epoch_end()


class InOrder(keras.utils.PyDataset):
    """What can be iterated over as a `PyDataset` whose batches come in order from 0.

    Args:
        loader: an iterable of batches.
        length: how many there are; None where nobody knows: behind the last is a `StopIteration`.
    """

    def __init__(self, loader: Any, length: int | None) -> None:
        super().__init__()
        self.loader = loader
        self.length = length
        self._batches: Iterator[Any] = iter(())

    @property
    def num_batches(self) -> int | None:
        return self.length

    def __getitem__(self, index: int) -> Any:
        if index == 0:
            self._batches = iter(self.loader)
        try:
            return next(self._batches)
        except StopIteration:
            if self.length is None:
                raise
            raise DataError(
                f"The dataset says that it has {self.length} batches, and ended after {index}; if "
                "some are dropped on the way, call to_iter_dataset() on it, or set steps_per_epoch"
            ) from None
