"""Batches made in threads, ahead of the step that needs them."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np


class BackgroundBatches(keras.utils.PyDataset):
    """Makes a dataset's next batches while the current one is trained on.

    Keras's own threads (`workers` above 1) aren't used: in Keras 3.15 the batches that they have
    ready when an epoch is left early, or peeked into to build the model, are served again at the
    start of the next one, which then ends before its last batches.

    Args:
        source: the dataset; its batches are asked for in order, unless there is a seed.
        workers: threads that make batches. With more than one, the source is called from several
            threads at once.
        ahead: batches that are kept ready.
        seed: of the order of batches, a new one for each pass; None keeps the source's order. A
            source of unknown length keeps its order too.
    """

    def __init__(
        self, source: Any, workers: int = 1, ahead: int = 4, seed: int | None = None
    ) -> None:
        super().__init__()
        self.source = source
        self.ahead = ahead
        self._generator = None if seed is None else np.random.default_rng(seed)
        self._order: np.ndarray | None = None
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hornbook-batches")
        self._batches: dict[int, Future[Any]] = {}

    @property
    def num_batches(self) -> int | None:
        return self.source.num_batches

    def __getitem__(self, index: int) -> Any:
        if index not in self._batches:
            self._begin_pass()
        end = index + 1 + self.ahead
        if self.num_batches is not None:
            end = max(min(end, self.num_batches), index + 1)
        for following in range(index, end):
            if following not in self._batches:
                self._batches[following] = self._pool.submit(self._make, following)
        return self._batches.pop(index).result()

    def _begin_pass(self) -> None:
        for batch in self._batches.values():
            batch.cancel()
        self._batches.clear()
        if self._generator is not None and self.num_batches is not None:
            self._order = self._generator.permutation(self.num_batches)

    def _make(self, index: int) -> Any:
        return self.source[index if self._order is None else int(self._order[index])]

    def on_epoch_begin(self) -> None:
        self.source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.source.on_epoch_end()
