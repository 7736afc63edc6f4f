"""What work of a model needs of the machine, and so the rate that its limits allow."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from hornbook.bench.limits import Limits

BYTES = {"float32": 4, "mixed_bfloat16": 4, "bfloat16": 2, "float16": 2}
"""Of a weight, by type or policy."""


@dataclass(frozen=True)
class Sizes:
    """Numbers of a model, not bytes.

    Attributes:
        parameters: all weights.
        read_parameters: those that a decoding step reads: all but tables of which it takes rows.
        matrix_parameters: those of the layers' matrices, each used once for a token.
        head_parameters: those of the projection to the vocabulary.
        attention_width: the width of all queries, of all layers together.
        cache_width: the width of all keys and values, of all layers together.
        vocabulary_size: number of tokens.
    """

    parameters: int
    read_parameters: int
    matrix_parameters: int
    head_parameters: int
    attention_width: int
    cache_width: int
    vocabulary_size: int

    @classmethod
    def of(cls, answer: Mapping[str, float]) -> Self:
        """From what `contenders.sizes` answers."""
        return cls(**{name: int(answer[name]) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class Bound:
    """The rate that the limits allow.

    Attributes:
        rate: in the benchmark's unit.
        text: how it comes about, for people.
    """

    rate: float
    text: str


def decode_bound(
    sizes: Sizes, limits: Limits, dtype: str, *, batch: int, prompt: int, new: int
) -> Bound:
    """Tokens a second of all steps after the first token: weights and cache over the bandwidth.

    Example:
        >>> sizes = Sizes(1000, 1000, 800, 200, 16, 32, 10)
        >>> limits = Limits("CPU", {"copy, numpy": 1e6})
        >>> round(decode_bound(sizes, limits, "float32", batch=2, prompt=10, new=20).rate)
        219
    """
    weights = sizes.read_parameters * BYTES[dtype]
    positions = prompt + new / 2  # on average of the steps
    cache = batch * positions * sizes.cache_width * BYTES[dtype]
    rate = batch * limits.copy / (weights + cache)
    return Bound(
        rate,
        f"{weights / 1e6:,.0f} MB of weights and {cache / 1e6:,.0f} MB of cache a step "
        f"at {limits.copy / 1e9:.1f} GB/s",
    )


def prefill_bound(
    sizes: Sizes, limits: Limits, dtype: str, *, batch: int, prompt: int
) -> Bound | None:
    """Prompt tokens a second: operations, with one row of logits, over the matrix rate."""
    operations = batch * (
        prompt * (2 * sizes.matrix_parameters + _attention(sizes, prompt))
        + 2 * sizes.head_parameters
    )
    return _matrix_bound(operations, batch * prompt, limits, dtype)


def train_bound(
    sizes: Sizes, limits: Limits, dtype: str, *, batch: int, length: int
) -> Bound | None:
    """Tokens a second of a training step, whose gradients take twice what its forward pass does."""
    tokens = batch * length
    matrices = 2 * (sizes.matrix_parameters + sizes.head_parameters)
    operations = 3 * tokens * (matrices + _attention(sizes, length))
    return _matrix_bound(operations, tokens, limits, dtype)


def encode_bound(
    sizes: Sizes, limits: Limits, dtype: str, *, batch: int, length: int
) -> Bound | None:
    """Tokens a second of an encoder, in which each token sees all of its row."""
    tokens = batch * length
    operations = tokens * (2 * sizes.matrix_parameters + 2 * _attention(sizes, length))
    return _matrix_bound(operations, tokens, limits, dtype)


def fine_tune_bound(
    sizes: Sizes, limits: Limits, dtype: str, *, batch: int, length: int
) -> Bound | None:
    """Tokens a second of a training step of an encoder, without its head."""
    tokens = batch * length
    operations = 3 * tokens * (2 * sizes.matrix_parameters + 2 * _attention(sizes, length))
    return _matrix_bound(operations, tokens, limits, dtype)


def _attention(sizes: Sizes, length: int) -> float:
    """Operations of a token's two products with the keys and values before it, on average."""
    return 4 * sizes.attention_width * length / 2


def _matrix_bound(operations: float, tokens: int, limits: Limits, dtype: str) -> Bound | None:
    rate = limits.matrix_rate(dtype)
    if rate is None:
        return None
    text = (
        f"{operations / 1e9:,.4g} GFLOP at {rate / 1e9:,.0f} GFLOP/s "
        f"in {dtype.removeprefix('mixed_')}"
    )
    return Bound(tokens * rate / operations, text)
