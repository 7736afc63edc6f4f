"""`inputs @ kernel.T + bias`, with the kernel stored as checkpoints store it: [outputs, inputs].

That layout makes loading a copy-free identity for nearly every family, and on JAX's CPU backend it
is the one that XLA reads at memory speed; see docs/decisions/xla_cpu.md.
"""

from typing import Any

import keras
from keras import ops


def linear_product(inputs: Any, kernel: Any, bias: Any = None) -> Any:
    """Multiplies `inputs` [..., inputs] by `kernel` [outputs, inputs], giving [..., outputs].

    `bias` [outputs] is added, where there is one.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        from hornbook.layers.jax_product import jax_product

        outputs = jax_product(*map(ops.convert_to_tensor, (inputs, kernel)))
        return outputs if bias is None else outputs + bias
    if backend == "torch":
        from hornbook.layers.torch_product import torch_product

        bias = None if bias is None else ops.convert_to_tensor(bias)
        return torch_product(inputs, ops.convert_to_tensor(kernel), bias)
    from hornbook.layers.tensorflow_product import tensorflow_product

    return tensorflow_product(inputs, kernel, bias)


def loop_barrier(*tensors: Any) -> tuple[Any, ...]:
    """The same tensors, of which XLA thinks that each depends on all.

    With a number that changes from turn to turn among them, nothing that is made of the others
    can be made before a loop. Without XLA nothing is.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        from jax import lax

        return tuple(lax.optimization_barrier(tensors))
    if backend == "tensorflow":
        from hornbook.layers.tensorflow_product import tensorflow_barrier

        return tensorflow_barrier(*tensors)
    return tensors


def linear_product_reference(inputs: Any, kernel: Any, bias: Any = None) -> Any:
    """The same product in `keras.ops`, which the backends' own calls are tested against."""
    outputs = ops.matmul(inputs, ops.transpose(kernel))
    return outputs if bias is None else outputs + bias
