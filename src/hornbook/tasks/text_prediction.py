"""Outputs for texts of any length, in batches with little padding."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from hornbook.errors import DataError
from hornbook.layers.unpadding import leaves_out_padding
from hornbook.preprocessing.text_columns import column_strings, split_columns

SHORT = 64
"""Characters of a text that is about as short as the shortest bucket."""
MOST_PADDING = 0.25
"""As a share of a batch that computes its padding; one with more is halved."""


def predict_texts(task: Any, texts: Any, batch_size: int = 32) -> list[np.ndarray]:
    """A task's output for each text or pair, float32, in the order of the texts.

    Texts of like length share a batch, which is padded only as far as they need. docs/decisions/
    unpadded.md has what that gains.

    Args:
        task: one with a preprocessor, and one output.
        texts: a list of texts, a list of pairs, or a tuple of two lists for pairs.
        batch_size: how many run at a time, at most.

    Raises:
        DataError: when the task has no preprocessor.
    """
    if task.preprocessor is None:
        raise DataError("This model has no tokenizer; call it on token ids instead of texts.")
    columns = [column_strings(column) for column in split_columns(texts)[0]]
    lengths = [sum(map(len, row)) for row in zip(*columns, strict=True)]
    outputs: list[Any] = [None] * len(lengths)
    most_padding = 1.0 if leaves_out_padding(task.backbone) else MOST_PADDING
    for chosen in batches_by_length(lengths, batch_size, most_padding):
        batch = tuple([column[row] for row in chosen] for column in columns)
        inputs = task.preprocessor(batch if len(batch) > 1 else batch[0], pad_to="longest")
        values = keras.ops.convert_to_numpy(
            keras.ops.cast(task.predict_on_batch(inputs), "float32")
        )
        for row, value in zip(chosen, values, strict=True):
            outputs[row] = value
    return outputs


def batches_by_length(
    lengths: Sequence[int], batch_size: int, most_padding: float = MOST_PADDING
) -> Iterator[list[int]]:
    """The numbers of texts in batches of texts of like length, the shortest first.

    Batches are halved, and not cut wherever lengths differ, so that compiled programs meet few
    shapes.

    Args:
        lengths: of the texts, in characters: their tokens are yet to be made.
        batch_size: how many are in a batch, at most.
        most_padding: as a share of a batch; one with more is halved, down to an eighth of
            `batch_size`.

    Example:
        >>> list(batches_by_length([100, 900, 110, 800], 4))
        [[0, 2], [3, 1]]
    """
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    for start in range(0, len(order), batch_size):
        sizes = [(row, max(lengths[row], SHORT)) for row in order[start : start + batch_size]]
        yield from _parted(sizes, max(batch_size // 8, 1), most_padding)


def _parted(sizes: list[tuple[int, int]], fewest: int, most_padding: float) -> Iterator[list[int]]:
    """Batches of rows that come with their sizes, the smallest first."""
    padding = 1 - sum(size for _, size in sizes) / (sizes[-1][1] * len(sizes))
    half = len(sizes) // 2
    if padding <= most_padding or half < fewest:
        yield [row for row, _ in sizes]
        return
    for part in (sizes[:half], sizes[half:]):
        yield from _parted(part, fewest, most_padding)
