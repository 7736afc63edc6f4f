"""`inputs @ kernel.T` on JAX, in the forms that XLA computes at the memory's speed.

On the CPU XLA has one good form for each case and bad ones beside it, up to thirty times as slow;
they are measured in docs/decisions/xla_cpu.md. GPUs take a sum for a single row, measured in
docs/decisions/gpu.md, and accelerators else the plain product.
"""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from hornbook.native.xla_calls import has_native_product, native_product

FEW_ROWS = 32
"""Up to as many rows in float32 XLA multiplies faster with the kernel first."""
MOST_OUTPUTS = 2**15
"""On a GPU kernels with more outputs keep it busy long enough for XLA's matrix product."""
MOST_PARTS = 8
"""Kernels that would be cut into more are multiplied one by one."""


def jax_product(inputs: Any, kernel: Any) -> Any:
    """Multiplies [..., inputs] by a kernel [outputs, inputs], giving [..., outputs].

    Half-precision products accumulate in float32 and are rounded once.
    """
    dtype = jnp.result_type(inputs, kernel)
    inputs, kernel = inputs.astype(dtype), jnp.asarray(kernel).astype(dtype)
    rows = math.prod(inputs.shape[:-1])
    known = isinstance(rows, int)  # and no symbol, of which Keras makes shapes
    if is_summed(inputs, kernel):
        return jax_sums(inputs, [kernel])[0]
    if jax.default_backend() != "cpu" or dtype not in (jnp.float32, jnp.bfloat16) or not known:
        return jnp.matmul(inputs, kernel.T)
    # XLA copies kernels that products of more than two dimensions transpose.
    flat = inputs.reshape(rows, inputs.shape[-1])
    if has_native_product(rows, dtype):
        outputs = native_product(flat, kernel)
    elif dtype == jnp.bfloat16 and rows == 1:
        # In float32: XLA adds two bfloat16 vectors ten times as slowly.
        own = flat.astype(jnp.float32) + 0 * kernel[0].astype(jnp.float32)
        flat = lax.reduce_precision(own, exponent_bits=8, mantissa_bits=7).astype(dtype)
        # Whoever adds float32 to it would be fused with it, for which XLA copies the kernel.
        outputs = lax.optimization_barrier(flat @ kernel.T)
    elif dtype == jnp.bfloat16:
        outputs = _half_product(flat, kernel)
    elif 1 < rows <= FEW_ROWS:
        # The kernel first. The barrier keeps XLA from turning it round.
        outputs = lax.optimization_barrier(product(kernel, flat, 1, 1)).T
    else:
        outputs = product(flat, kernel, 1, 1)
    return outputs.reshape(*inputs.shape[:-1], kernel.shape[0])


def jax_chosen_product(inputs: Any, kernels: Any, number: Any) -> Any:
    """The product with one of several kernels [kernels, outputs, inputs], read where it is.

    None where only machine code could do that, and there is none.
    """
    if not inputs.dtype == kernels.dtype == jnp.bfloat16 or not has_native_product(
        len(inputs), inputs.dtype
    ):
        return None
    return native_product(inputs, kernels, number.astype(jnp.int32))


def is_summed(inputs: Any, kernel: Any) -> bool:
    """Whether the product is that of a single row on a GPU, which `jax_sums` has a form for."""
    one = isinstance(inputs.size, int) and inputs.size == inputs.shape[-1]
    return one and kernel.shape[0] <= MOST_OUTPUTS and jax.default_backend() == "gpu"


def jax_sums(inputs: Any, kernels: Sequence[Any]) -> list[Any]:
    """The products of a single row [..., inputs] and several kernels, as one kernel of the GPU.

    XLA makes one of sums of equal sizes, so that the kernels are cut to that of the smallest.
    """
    size = math.gcd(*(kernel.shape[0] for kernel in kernels))
    if sum(kernel.shape[0] for kernel in kernels) > MOST_PARTS * size:
        return [part for kernel in kernels for part in jax_sums(inputs, [kernel])]
    row = inputs.reshape(-1).astype(jnp.float32)

    def summed(kernel: Any) -> Any:
        cuts = range(0, kernel.shape[0], size)
        parts = [jnp.sum(kernel[cut : cut + size].astype(jnp.float32) * row, -1) for cut in cuts]
        outputs = jnp.concatenate(parts).astype(inputs.dtype)
        return outputs.reshape(*inputs.shape[:-1], kernel.shape[0])

    return list(map(summed, kernels))


def product(left: Any, right: Any, left_axis: int, right_axis: int) -> Any:
    """The product of two matrices over the given axis of each, accumulated in float32.

    Over the last axis of `left`, bfloat16 operands are twice as fast as float32 ones on the CPU;
    over the first of both they are slower, and are converted there.
    """
    if (left_axis, right_axis) == (0, 0) and jax.default_backend() == "cpu":
        left, right = left.astype(jnp.float32), right.astype(jnp.float32)
    axes = (((left_axis,), (right_axis,)), ((), ()))
    return lax.dot_general(left, right, axes, preferred_element_type=jnp.float32)


@jax.custom_vjp
def _half_product(inputs: Any, kernel: Any) -> Any:
    """Half-precision `inputs @ kernel.T`, whose gradients are such products too.

    JAX's own gradient multiplies the float32 gradient by converted copies of the operands.
    """
    return product(inputs, kernel, 1, 1).astype(inputs.dtype)


def _forward(inputs: Any, kernel: Any) -> tuple[Any, tuple[Any, Any]]:
    return _half_product(inputs, kernel), (inputs, kernel)


def _backward(operands: tuple[Any, Any], gradient: Any) -> tuple[Any, Any]:
    inputs, kernel = operands
    return (
        product(gradient, kernel, 1, 0).astype(inputs.dtype),
        product(gradient, inputs, 0, 0).astype(kernel.dtype),
    )


_half_product.defvjp(_forward, _backward)
