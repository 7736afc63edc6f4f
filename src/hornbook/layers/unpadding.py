"""Rows of different lengths computed without their padding ("unpadding").

The real tokens of all rows stand behind each other as one row, so that no embedding, norm or
product is computed for padding; attention keeps to the rows. Follows Portes et al., "MosaicBERT"
(2023), and Warner et al., "ModernBERT" (2024). docs/decisions/unpadded.md has what it gains.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import keras


@dataclass(frozen=True)
class UnpaddedRows:
    """Where tokens without padding come from; stands in the place of a mask.

    Shorter rows come first, so that rows of one length stand together.

    Attributes:
        shape: that of the rows with their padding, [rows, length].
        places: int64 [tokens], each token's place in these rows laid out flat.
        groups: how many rows there are of each length: (rows, length), shortest first.
        window: how many positions a token sees to each side, or None for all.
    """

    shape: tuple[int, int]
    places: Any
    groups: tuple[tuple[int, int], ...]
    window: int | None = None

    def within(self, window: int | None) -> "UnpaddedRows":
        """The same rows, where a token sees so many positions to each side."""
        return replace(self, window=window)

    def tokens(self, values: Any) -> Any:
        """[1, tokens] of what all rows have: [rows or 1, length]."""
        return values.expand(self.shape).reshape(-1)[self.places][None]

    def padded(self, values: Any) -> Any:
        """[rows, length, features] of values [1, tokens, features]; zero at padding."""
        rows, length = self.shape
        flat = values.new_zeros((rows * length, values.shape[-1]))
        return flat.index_copy(0, self.places, values[0]).reshape(rows, length, -1)

    def attend(
        self, query: Any, key: Any, value: Any, bias: Any, attend: Callable[..., Any]
    ) -> Any:
        """Attends within each row; rows of one length at a time.

        Args:
            query: [1, tokens, query_heads, head_dim].
            key: [1, kv_heads, tokens, head_dim].
            value: [1, kv_heads, tokens, value_head_dim].
            bias: of the scores, [1, query_heads, length, length], or None.
            attend: the attention of rows without padding: `attend(query, key, value, mask, bias=)`.

        Returns:
            [1, tokens, query_heads * value_head_dim].
        """
        import torch

        outputs = []
        for part, rows, columns, seen in self._parts:
            shape = (rows, columns.shape[1])
            keys, values = (
                each[0, :, part].unflatten(1, shape).transpose(0, 1) for each in (key, value)
            )
            its_bias = None if bias is None else _bias_at(bias, columns)
            queries = query[0, part].unflatten(0, shape)
            outputs.append(attend(queries, keys, values, seen, bias=its_bias).flatten(0, 1))
        return torch.cat(outputs)[None]

    @cached_property
    def _parts(self) -> list[tuple[slice, int, Any, Any]]:
        """Of each group its tokens, rows, columns [rows, length], and who sees whom, or None."""
        return list(self._read_parts())

    def _read_parts(self) -> Iterator[tuple[slice, int, Any, Any]]:
        start = 0
        for rows, length in self.groups:
            part = slice(start, start := start + rows * length)
            columns = (self.places[part] % self.shape[1]).reshape(rows, length)
            seen = None
            # Padding inside a row counts: a window is one of positions.
            farthest = int((columns[:, -1] - columns[:, 0]).max())
            if self.window is not None and farthest > self.window:
                seen = (columns[:, :, None] - columns[:, None, :]).abs() <= self.window
                seen = seen[:, None]
            yield part, rows, columns, seen


def _bias_at(bias: Any, columns: Any) -> Any:
    """[rows or 1, heads, length, length], what a bias is where a group's tokens stand."""
    if bool((columns == columns[:1]).all()):
        columns = columns[:1]
    return bias[0][:, columns[:, :, None], columns[:, None, :]].transpose(0, 1)


@keras.saving.register_keras_serializable(package="hornbook")
class Unpadding(keras.layers.Layer):
    """Leaves out the padding of rows, where that is a gain: on torch's CPU.

    Compilers want one shape for all batches, so that on JAX and TensorFlow nothing changes.

    Call arguments: a dict of what tokens have, each [rows or 1, length], and `padding_mask` [rows,
    length], true on real tokens. Returns both: unchanged, or [1, tokens] of each and, for the mask,
    `UnpaddedRows`. Where a row has no real token all of it counts.

    Example:
        >>> import numpy as np
        >>> tokens = {"token_ids": np.array([[3, 4, 5], [6, 0, 0]])}
        >>> made, rows = Unpadding()(tokens, np.array([[1, 1, 1], [1, 0, 0]]))
        >>> keras.ops.shape(Repadding()(made["token_ids"][..., None], rows=rows))
        (2, 3, 1)
    """

    def call(self, tokens: dict[str, Any], padding_mask: Any) -> tuple[dict[str, Any], Any]:
        if keras.backend.backend() != "torch" or not _is_on_cpu(padding_mask):
            return tokens, padding_mask
        real = padding_mask.bool()
        real = real | ~real.any(1, keepdim=True)
        if bool(real.all()):
            return tokens, padding_mask
        rows = unpadded_rows(real)
        return {name: rows.tokens(values) for name, values in tokens.items()}, rows

    def compute_output_spec(self, tokens: dict[str, Any], padding_mask: Any) -> Any:
        """The shapes with padding: graphs are made before anything is known of padding."""
        return {name: _like(values) for name, values in tokens.items()}, _like(padding_mask)


@keras.saving.register_keras_serializable(package="hornbook")
class Repadding(keras.layers.Layer):
    """Puts tokens back where they stood among padding.

    Call arguments: [1, tokens, features] and `rows` as `Unpadding` gives them. Returns [rows,
    length, features], zero at padding; or the inputs, where nothing was left out.

    Example:
        >>> import numpy as np
        >>> Repadding()(np.ones((1, 2, 3)), rows=np.ones((1, 2))).shape
        (1, 2, 3)
    """

    def call(self, inputs: Any, rows: Any) -> Any:
        return rows.padded(inputs) if isinstance(rows, UnpaddedRows) else inputs

    def compute_output_spec(self, inputs: Any, rows: Any) -> keras.KerasTensor:
        return _like(inputs)


def leaves_out_padding(model: keras.Model) -> bool:
    """Whether a model computes nothing for padding, by an `Unpadding` layer of its own."""
    if keras.backend.backend() != "torch":
        return False
    has_layer = any(isinstance(layer, Unpadding) for layer in model.layers)
    return has_layer and _is_on_cpu(model.variables[0].value)


def _is_on_cpu(values: Any) -> bool:
    """Whether torch computes these values there now, rather than recording what is computed."""
    import torch

    is_recorded = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return values.device.type == "cpu" and not is_recorded


def unpadded_rows(real: Any) -> UnpaddedRows:
    """The rows of a mask of torch, bool [rows, length], true on real tokens."""
    lengths, order = real.sum(1).sort(stable=True)
    row, column = real[order].nonzero(as_tuple=True)
    found, counts = lengths.unique_consecutive(return_counts=True)
    groups = tuple(zip(counts.tolist(), found.tolist(), strict=True))
    return UnpaddedRows(tuple(real.shape), order[row] * real.shape[1] + column, groups)


def _like(values: Any) -> keras.KerasTensor:
    return keras.KerasTensor(values.shape, dtype=values.dtype)
