"""The networks of experts, each applied to the tokens that chose it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from hornbook.layers.linear_product import linear_product, loop_barrier

FEW_TOKENS = 32
"""So many cost an expert hardly more than one: what takes the time is to read its weights."""
MAX_BLOCK = 128
"""Tokens that one expert takes at a time, at most."""


class Experts(NamedTuple):
    """The weights of gated networks, stacked.

    Attributes:
        gate: [experts, intermediate_dim, hidden_dim].
        up: [experts, intermediate_dim, hidden_dim].
        down: [experts, hidden_dim, intermediate_dim].
    """

    gate: Any
    up: Any
    down: Any


def experts_product(
    inputs: Any, chosen: Any, weights: Any, experts: Experts, activation: Callable[[Any], Any]
) -> Any:
    """The weighted sum of what each token's chosen experts make of it.

    Only chosen experts are computed, on tokens in blocks of one expert each. Follows Gale et al.,
    "MegaBlocks" (2022), in that no token is dropped.

    Args:
        inputs: [tokens, hidden_dim].
        chosen: int32 [tokens, active], numbers of experts.
        weights: [tokens, active], of the experts' outputs.
        experts: the networks.
        activation: of their gates.

    Returns:
        [tokens, hidden_dim].
    """
    if keras.backend.backend() == "torch":
        from hornbook.layers.torch_experts import torch_experts_product

        return torch_experts_product(inputs, chosen, weights, experts, activation)
    tokens, active = ops.shape(chosen)
    number = experts.gate.shape[0]
    block = _block_size(tokens, active, number)
    places, experts_of_blocks, blocks = _places(chosen, number, block)
    slots = blocks * block
    numbers = ops.repeat(ops.arange(tokens, dtype="int32"), active)
    token_of_slot = ops.scatter(ops.reshape(places, (-1, 1)), numbers, (slots,))
    blocks_of_inputs = ops.reshape(
        ops.take(inputs, token_of_slot, axis=0), (-1, block, inputs.shape[-1])
    )

    def run(part: tuple[Any, Any]) -> Any:
        rows, expert = part
        # XLA would convert all kernels in half precision to float32 before the loop over blocks.
        gate, up, down, expert = loop_barrier(*experts, expert)
        hidden = activation(_product(rows, gate, expert)) * _product(rows, up, expert)
        return _product(hidden, down, expert)

    outputs = ops.map(run, (blocks_of_inputs, experts_of_blocks))
    outputs = ops.reshape(outputs, (-1, inputs.shape[-1]))
    return _weighted(ops.take(outputs, places, axis=0), weights)


def experts_product_reference(
    inputs: Any, chosen: Any, weights: Any, experts: Experts, activation: Callable[[Any], Any]
) -> Any:
    """The same with every expert computed for every token, which the other forms are tested by."""
    gate = ops.einsum("th,eih->tei", inputs, experts.gate)
    up = ops.einsum("th,eih->tei", inputs, experts.up)
    outputs = ops.einsum("tei,ehi->teh", activation(gate) * up, experts.down)
    return _weighted(ops.take_along_axis(outputs, chosen[..., None], axis=1), weights)


def _weighted(outputs: Any, weights: Any) -> Any:
    """The sum over the experts of [tokens, active, hidden_dim]."""
    return ops.sum(outputs * ops.cast(weights, outputs.dtype)[..., None], axis=1)


def _product(rows: Any, kernels: Any, expert: Any) -> Any:
    """The product with the kernel of one expert."""
    if keras.backend.backend() == "jax":
        from hornbook.layers.jax_product import jax_chosen_product

        outputs = jax_chosen_product(rows, kernels, expert)
        if outputs is not None:
            return outputs
    kernel = ops.take(kernels, expert, axis=0)
    if rows.shape[0] == 1 and keras.backend.standardize_dtype(rows.dtype) == "float32":
        return ops.matmul(rows, ops.transpose(kernel))  # XLA reads it among the others, uncopied
    return linear_product(rows, kernel)


def _block_size(tokens: Any, active: int, number: int) -> int:
    """About as many as choose one expert, so that blocks are neither empty nor many.

    Of few tokens all have room in one block, where most experts are chosen.
    """
    if not isinstance(tokens, int):
        return MAX_BLOCK // 4  # TensorFlow, where the number is known only at run time
    if tokens <= FEW_TOKENS:
        return tokens if tokens * active >= 2 * number else 1
    size = 1
    while 2 * size * number <= tokens * active and size < MAX_BLOCK:
        size *= 2
    return size


def _places(chosen: Any, number: int, block: int) -> tuple[Any, Any, Any]:
    """Gives each choice a slot in a block of its expert.

    Returns:
        The slots, int32 [tokens, active]; the expert of each block, int32 [blocks]; the number of
        blocks, which is what the unluckiest choice needs.
    """
    shape = ops.shape(chosen)
    flat = ops.reshape(chosen, (-1,))
    is_of = ops.cast(flat[:, None] == ops.arange(number, dtype="int32"), "int32")
    rank = ops.sum(is_of * (ops.cumsum(is_of, axis=0) - 1), axis=1)
    blocks_of = (ops.sum(is_of, axis=0) + (block - 1)) // block
    ends = ops.cumsum(blocks_of)
    places = ops.take(ends - blocks_of, flat) * block + rank
    choices = shape[0] * shape[1]
    blocks = choices if block == 1 else choices // block + number
    if isinstance(choices, int) and block >= shape[0]:  # one block is enough for each expert
        blocks = min(choices, number)
    expert = ops.sum(ops.cast(ops.arange(blocks)[:, None] >= ends, "int32"), axis=1)
    # Blocks that nobody needs run the last expert on nothing.
    return ops.reshape(places, shape), ops.minimum(expert, number - 1), blocks
