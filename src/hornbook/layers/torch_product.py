"""`inputs @ kernel.T` on torch, in the forms that are fast on the CPU.

torch multiplies float32 matrices with MKL, which takes one thread for a vector, gets slower with
two rows, and on processors of other makers than its own leaves half of their width unused. Float32
products go to oneDNN instead, which torch brings along and uses for bfloat16; a vector in bfloat16
goes to torch's own product, which reads the kernel faster. Measured in docs/decisions/torch_cpu.md.
"""

import platform
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function_variadic

from hornbook.native.torch_calls import has_native_product, native_product

KERNEL_FIRST = 3
"""Up to as many rows, a batch of parts of the kernel, one for each thread, is the fastest form."""

HAS_ONEDNN = torch.backends.mkldnn.is_available() and platform.machine() in ("x86_64", "AMD64")
"""Elsewhere torch's own products are other ones, which nobody has measured."""

READS_BFLOAT16 = torch.__version__ >= (2, 13)
"""Of torch's own product of a vector and a matrix in bfloat16, earlier versions aren't measured."""


def torch_product(inputs: Any, kernel: Any, bias: Any = None) -> Any:
    """Multiplies [..., inputs] by a kernel [outputs, inputs], giving [..., outputs]."""
    inputs = inputs.to(kernel.dtype)
    if has_native_product(inputs, kernel):
        return native_product(inputs, kernel, bias)
    if not _takes_own_form(inputs, kernel):
        return functional.linear(inputs, kernel, bias)
    if kernel.dtype == torch.bfloat16:
        return bfloat16_vector_product(inputs, kernel, bias)
    if torch.is_grad_enabled():
        return _Product.apply(inputs, kernel, bias)
    return product_without_gradients(inputs, kernel, bias)


def product_without_gradients(
    inputs: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """`inputs @ kernel.T + bias` of float32 on the CPU.

    Example:
        >>> kernel = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
        >>> product_without_gradients(torch.ones(1, 2), kernel)
        tensor([[ 3.,  7., 11.]])
    """
    if has_torch_function_variadic(inputs, kernel):  # a single call, to whoever records them
        given = (inputs, kernel, bias)
        return handle_torch_function(product_without_gradients, (inputs, kernel), *given)
    rows = inputs.numel() // inputs.shape[-1]
    if rows > KERNEL_FIRST:
        return torch.ops.mkldnn._linear_pointwise(inputs, kernel, bias, "none", [], "")
    outputs = _product_of_few(inputs.reshape(rows, -1), kernel).view(*inputs.shape[:-1], -1)
    return outputs if bias is None else outputs + bias


def bfloat16_vector_product(
    inputs: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """`inputs @ kernel.T + bias` of a single row in bfloat16 on the CPU, without oneDNN.

    Example:
        >>> kernel = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], dtype=torch.bfloat16)
        >>> bfloat16_vector_product(torch.ones(1, 2, dtype=torch.bfloat16), kernel)
        tensor([[ 3.,  7., 11.]], dtype=torch.bfloat16)
    """
    if has_torch_function_variadic(inputs, kernel):  # a single call, to whoever records them
        given = (inputs, kernel, bias)
        return handle_torch_function(bfloat16_vector_product, (inputs, kernel), *given)
    was_on = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        return functional.linear(inputs, kernel, bias)
    finally:
        torch._C._set_mkldnn_enabled(was_on)


def outer_product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """The sum over the rows of both, `left.T @ right`, as for the gradient of a kernel.

    Example:
        >>> outer_product(torch.ones(3, 1), torch.tensor([[1.0, 2.0]] * 3))
        tensor([[3., 6.]])
    """
    if left.shape[1] > right.shape[1]:  # oneDNN is twice as fast with the wider one as its kernel
        return torch_product(right.t(), left.t()).t().contiguous()
    return torch_product(left.t(), right.t())


def _takes_own_form(inputs: torch.Tensor, kernel: torch.Tensor) -> bool:
    return (
        HAS_ONEDNN
        and (kernel.dtype == torch.float32 or _is_bfloat16_vector(inputs, kernel))
        and kernel.device.type == inputs.device.type == "cpu"
        and inputs.numel() > 0
        and not torch.compiler.is_compiling()  # which chooses for itself, and exports to others
        and not torch.is_autocast_enabled("cpu")
    )


def _is_bfloat16_vector(inputs: torch.Tensor, kernel: torch.Tensor) -> bool:
    return (
        READS_BFLOAT16
        and kernel.dtype == torch.bfloat16
        and inputs.numel() == inputs.shape[-1]
        and kernel.is_contiguous()
        and not torch.is_grad_enabled()
    )


def _product_of_few(inputs: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """The product for a few rows, an equal part of the kernel for each thread."""
    threads = min(torch.get_num_threads(), len(kernel))
    outputs = len(kernel) // threads * threads
    parts = kernel[:outputs].unflatten(0, (threads, -1))
    products = torch.bmm(parts, inputs.t().expand(threads, -1, -1))
    result = products.view(outputs, -1).t()
    if outputs < len(kernel):
        result = torch.cat((result, inputs @ kernel[outputs:].t()), dim=1)
    return result.contiguous()


class _Product(torch.autograd.Function):
    """The product, whose gradients are such products again, which have gradients too."""

    generate_vmap_rule = True

    @staticmethod
    def forward(inputs: Any, kernel: Any, bias: Any) -> Any:
        return product_without_gradients(inputs, kernel, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, Any, Any], output: Any) -> None:
        ctx.save_for_backward(*inputs[:2])

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> tuple[Any, Any, Any]:
        inputs, kernel = ctx.saved_tensors
        wants_inputs, wants_kernel, wants_bias = ctx.needs_input_grad
        flat = gradient.reshape(-1, gradient.shape[-1]).contiguous()
        return (
            torch_product(gradient.contiguous(), kernel.t()) if wants_inputs else None,
            outer_product(flat, inputs.reshape(len(flat), -1)) if wants_kernel else None,
            flat.sum(0) if wants_bias else None,
        )
