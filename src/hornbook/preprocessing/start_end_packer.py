"""Rows between a start and an end value, cut and padded to one length."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.segments import RowWriter, Value, as_values, of_kind
from hornbook.preprocessing.token_layer import Result, TokenLayer
from hornbook.preprocessing.token_rows import TokenRows


@keras.saving.register_keras_serializable(package="hornbook")
class StartEndPacker(TokenLayer):
    """Adds a start and an end value to rows of tokens, and cuts and pads them to one length.

    Follows `keras_nlp.layers.StartEndPacker`. What doesn't fit is cut off before the end value
    is added. A row that is padded already counts in full.

    Args:
        sequence_length: the length of the rows.
        start_value: id, string, or several of them to put before each row; None puts nothing.
        end_value: the same after it.
        pad_value: what rows are filled up with; None means 0, or "" for strings.
        return_padding_mask: give a mask as well, true on all that isn't filled up.
        name: a name of one's own.
        dtype: an integer type, or "string"; tokens keep the type that they come in.
        trainable: of no effect, as there are no weights.

    Example:
        >>> packer = StartEndPacker(sequence_length=5, start_value=1, end_value=2)
        >>> packer([[5, 6, 7, 8], [9]]).tolist()
        [[1, 5, 6, 7, 2], [1, 9, 2, 0, 0]]
    """

    def __init__(
        self,
        sequence_length: int,
        start_value: Value = None,
        end_value: Value = None,
        pad_value: int | str | None = None,
        return_padding_mask: bool = False,
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = False,
    ) -> None:
        super().__init__(name, dtype, trainable)
        self.sequence_length = check_length(sequence_length)
        self.start_value = start_value
        self.end_value = end_value
        self.pad_value = pad_value
        self.return_padding_mask = return_padding_mask

    def __call__(
        self,
        inputs: Any,
        sequence_length: int | None = None,
        add_start_value: bool = True,
        add_end_value: bool = True,
    ) -> Any:
        """Packs rows.

        Args:
            inputs: tokens [length] or [batch, length], ids or strings; rows may differ in length.
            sequence_length: instead of the packer's own.
            add_start_value: whether to add the start value.
            add_end_value: whether to add the end value.

        Returns:
            Tokens [sequence_length] or [batch, sequence_length]; with `return_padding_mask` a
            tuple of these and the mask, a bool each.

        Raises:
            DataError: when the input isn't rows of tokens, or the values are of another kind.
        """
        length = self.sequence_length if sequence_length is None else check_length(sequence_length)
        start = self.start_value if add_start_value else None
        end = self.end_value if add_end_value else None

        def pack(segments: Sequence[TokenRows]) -> list[np.ndarray]:
            (rows,) = of_kind(segments, start_value=start, end_value=end, pad_value=self.pad_value)
            ends = as_values(start), as_values(end)
            writer = row_writer(rows, length, ends, self.pad_value)
            writer.write_values(ends[0])
            writer.write_rows(rows, np.minimum(rows.lengths, room(length, ends)))
            writer.write_values(ends[1])
            packed = [writer.table[:, :length]]
            if self.return_padding_mask:
                packed.append(np.arange(length) < writer.ends[:, None])
            return packed

        results = [Result(width=length)]
        if self.return_padding_mask:
            results.append(Result("bool", length))
        packed = self._run(pack, [inputs], results)
        return tuple(packed) if self.return_padding_mask else packed[0]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "start_value": self.start_value,
            "end_value": self.end_value,
            "pad_value": self.pad_value,
            "return_padding_mask": self.return_padding_mask,
        }


def check_length(sequence_length: int) -> int:
    """Returns the length of packed rows.

    Raises:
        DataError: when it is none.
    """
    if sequence_length < 1:
        raise DataError(f"sequence_length is {sequence_length}; expected 1 or more")
    return sequence_length


def room(length: int, added: Sequence[Sequence[Any]]) -> int:
    """How many tokens of a row are left for what isn't added."""
    return max(length - sum(map(len, added)), 0)


def row_writer(
    rows: TokenRows, length: int, added: Sequence[Sequence[Any]], pad_value: int | str | None
) -> RowWriter:
    """A table for rows of `length`, as much wider as the added values alone need."""
    dtype = rows.values.dtype
    if pad_value is None:
        pad_value = "" if dtype.kind == "O" else 0
    return RowWriter(len(rows.lengths), max(length, sum(map(len, added))), pad_value, dtype)
