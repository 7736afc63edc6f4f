"""Grain's datasets of unknown length, converted in a thread ahead of the step."""

from collections.abc import Callable, Iterator
from typing import Any

import grain

AHEAD = 4
"""Batches that are kept ready."""


def converted_ahead(dataset: Any, convert: Callable[[Any], Any]) -> Any:
    """A dataset of grain that yields converted batches, made in a thread.

    Args:
        dataset: a `grain.IterDataset` or `grain.DataLoader`.
        convert: what each of its batches goes through, in their order.

    Returns:
        A `grain.IterDataset`, which begins anew with each pass.
    """
    if isinstance(dataset, grain.DataLoader):
        dataset = LoadedBatches(dataset)
    return grain.experimental.ThreadPrefetchIterDataset(
        dataset.map(convert), prefetch_buffer_size=AHEAD
    )


class LoadedBatches(grain.IterDataset):
    """What a `grain.DataLoader` yields, as a dataset that can be mapped."""

    def __init__(self, loader: Any) -> None:
        super().__init__()
        self.loader = loader

    def __iter__(self) -> "LoadedIterator":
        return LoadedIterator(iter(self.loader))


class LoadedIterator(grain.DatasetIterator):
    """A pass through a `grain.DataLoader`."""

    def __init__(self, batches: Any) -> None:
        super().__init__()
        self.batches: Iterator[Any] = batches

    def __next__(self) -> Any:
        return next(self.batches)

    def get_state(self) -> Any:
        return self.batches.get_state()  # type: ignore[attr-defined]

    def set_state(self, state: Any) -> None:
        self.batches.set_state(state)  # type: ignore[attr-defined]
