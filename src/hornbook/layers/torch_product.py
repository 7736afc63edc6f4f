"""`inputs @ kernel.T` on torch, in the forms that use all threads for a few rows on the CPU.

torch multiplies a float32 vector by a matrix in one thread, and gets slower with two rows; a batch
of two products takes a thread each. Measured in docs/decisions/torch_cpu.md.
"""

from typing import Any

import torch
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function_variadic

FEW_ROWS = 32
KERNEL_FIRST = 6
"""Up to as many rows, `kernel @ inputs.T` is faster than `inputs @ kernel.T`."""


def torch_product(inputs: Any, kernel: Any, bias: Any = None) -> Any:
    """Multiplies [..., inputs] by a kernel [outputs, inputs], giving [..., outputs]."""
    inputs = inputs.to(kernel.dtype)
    rows = inputs.numel() // max(inputs.shape[-1], 1)
    is_few = 0 < rows <= FEW_ROWS and kernel.dtype == torch.float32 and kernel.device.type == "cpu"
    if not is_few or torch.is_grad_enabled():
        return functional.linear(inputs, kernel, bias)
    outputs = product_of_few(inputs.reshape(rows, -1), kernel).view(*inputs.shape[:-1], -1)
    return outputs if bias is None else outputs + bias


def product_of_few(inputs: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """`inputs @ kernel.T` for a few rows, an equal part of the kernel for each thread.

    Example:
        >>> product_of_few(torch.ones(1, 2), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        tensor([[ 3.,  7., 11.]])
    """
    if has_torch_function_variadic(inputs, kernel):  # a single call, to whoever records them
        return handle_torch_function(product_of_few, (inputs, kernel), inputs, kernel)
    threads = min(torch.get_num_threads(), len(kernel))
    outputs = len(kernel) // threads * threads
    parts = kernel[:outputs].unflatten(0, (threads, -1))
    if len(inputs) <= KERNEL_FIRST:
        products = torch.bmm(parts, inputs.t().expand(threads, -1, -1))
        result = products.view(outputs, -1).t()
    else:
        products = torch.bmm(inputs.expand(threads, -1, -1), parts.transpose(1, 2))
        result = products.transpose(0, 1).reshape(-1, outputs)
    if outputs < len(kernel):
        result = torch.cat((result, inputs @ kernel[outputs:].t()), dim=1)
    return result.contiguous()
