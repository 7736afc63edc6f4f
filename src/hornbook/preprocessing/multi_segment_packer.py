"""Several segments in one row, such as a question and the text that answers it."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.segments import (
    TRUNCATIONS,
    Value,
    as_values,
    check_truncation,
    of_kind,
)
from hornbook.preprocessing.start_end_packer import check_length, room, row_writer
from hornbook.preprocessing.token_layer import Result, TokenLayer
from hornbook.preprocessing.token_rows import TokenRows
from hornbook.tokenizers.tensorflow_inputs import is_tensorflow


@keras.saving.register_keras_serializable(package="hornbook")
class MultiSegmentPacker(TokenLayer):
    """Joins segments as `start first separator second end`, cut and padded to one length.

    Follows `keras_nlp.layers.MultiSegmentPacker`, whose rows are BERT's (Devlin et al. 2018).

    Args:
        sequence_length: the length of the rows.
        start_value: id, string, or several of them to put before the first segment.
        end_value: the same after the last segment.
        sep_value: the same between segments; None means the end value.
        pad_value: what rows are filled up with; None means 0, or "" for strings.
        truncate: how segments share a row that is too short: "round_robin" gives them a token
            each by turns, "waterfall" gives all to the first, then to the second, and so on.
        name: a name of one's own.
        dtype: an integer type, or "string"; tokens keep the type that they come in.
        trainable: of no effect, as there are no weights.

    Example:
        >>> packer = MultiSegmentPacker(sequence_length=8, start_value=1, end_value=2)
        >>> token_ids, segment_ids = packer(([5, 6, 7, 8, 9], [11, 12]))
        >>> token_ids.tolist(), segment_ids.tolist()
        ([1, 5, 6, 7, 2, 11, 12, 2], [0, 0, 0, 0, 0, 1, 1, 1])
    """

    def __init__(
        self,
        sequence_length: int,
        start_value: Value,
        end_value: Value,
        sep_value: Value = None,
        pad_value: int | str | None = None,
        truncate: Literal["round_robin", "waterfall"] = "round_robin",
        name: str | None = None,
        dtype: str | None = None,
        trainable: bool = False,
    ) -> None:
        super().__init__(name, dtype, trainable)
        self.sequence_length = check_length(sequence_length)
        self.start_value = start_value
        self.end_value = end_value
        self.sep_value = sep_value
        self.pad_value = pad_value
        self.truncate = check_truncation(truncate)

    def __call__(
        self,
        inputs: Any,
        sequence_length: int | None = None,
        add_start_value: bool = True,
        add_end_value: bool = True,
    ) -> tuple[Any, Any]:
        """Packs segments.

        Args:
            inputs: a tuple or list of segments, each tokens [length] or [batch, length], ids or
                strings; rows may differ in length. One segment may stand alone, except as a list
                of lists, which are segments.
            sequence_length: instead of the packer's own.
            add_start_value: whether to add the start value.
            add_end_value: whether to add the end value.

        Returns:
            Tokens and segment ids (int32), each [sequence_length] or [batch, sequence_length].
            A separator belongs to the segment before it; padding has the segment id 0.

        Raises:
            DataError: when the segments aren't rows of tokens, don't belong together, or the
                values are of another kind.
        """
        length = self.sequence_length if sequence_length is None else check_length(sequence_length)
        start = self.start_value if add_start_value else None
        end = self.end_value if add_end_value else None
        separator = self.end_value if self.sep_value is None else self.sep_value
        inner = [as_values(separator)] * (len(segments := _segments(inputs)) - 1)
        after = [*inner, as_values(end)]

        def pack(given: Sequence[TokenRows]) -> list[np.ndarray]:
            parts = of_kind(
                given,
                start_value=start,
                end_value=end,
                sep_value=separator if inner else None,
                pad_value=self.pad_value,
            )
            added = [as_values(start), *after]
            lengths = np.stack([rows.lengths for rows in parts])
            kept = TRUNCATIONS[self.truncate](lengths, room(length, added))
            writer = row_writer(parts[0], length, added, self.pad_value)
            columns = np.arange(writer.table.shape[1])
            segment_ids = np.zeros(writer.table.shape, np.int32)
            writer.write_values(added[0])
            for index, (rows, taken, values) in enumerate(zip(parts, kept, after, strict=True)):
                begin = writer.ends[:, None] if index else 0
                writer.write_rows(rows, taken)
                writer.write_values(values)
                segment_ids[(columns >= begin) & (columns < writer.ends[:, None])] = index
            return [writer.table[:, :length], segment_ids[:, :length]]

        tokens, segment_ids = self._run(
            pack, segments, [Result(width=length), Result("int32", length)]
        )
        return tokens, segment_ids

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sequence_length": self.sequence_length,
            "start_value": self.start_value,
            "end_value": self.end_value,
            "sep_value": self.sep_value,
            "pad_value": self.pad_value,
            "truncate": self.truncate,
        }


def _segments(inputs: Any) -> list[Any]:
    """The segments in an input; a list of tokens and an array are one segment."""
    if is_tensorflow(inputs) or not isinstance(inputs, list | tuple):
        return [inputs]
    if inputs and isinstance(inputs[0], str | bytes | int | np.integer):
        return [list(inputs)]
    if not inputs:
        raise DataError("Got no segments; expected at least one")
    return list(inputs)
