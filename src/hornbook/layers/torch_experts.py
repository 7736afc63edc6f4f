"""Experts on torch, where the number of tokens of each may be looked at."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import handle_torch_function, has_torch_function_variadic

from hornbook.layers.experts import Experts
from hornbook.layers.torch_product import torch_product

FEW = 16
"""Where to look would be to wait, on a GPU, the weights of so many choices are put side by side."""


def torch_experts_product(
    inputs: Any, chosen: Any, weights: Any, experts: Experts, activation: Callable[[Any], Any]
) -> Any:
    """See `experts_product`."""
    choices, weights = chosen.flatten().long(), weights.to(inputs.dtype)
    looks = inputs.device.type == "cpu" and not torch.compiler.is_compiling()
    if len(choices) <= FEW and not looks:
        rows = inputs.repeat_interleave(chosen.shape[1], 0)[:, :, None]
        gate, up, down = (kernel[choices] for kernel in experts)
        hidden = activation(torch.bmm(gate, rows)) * torch.bmm(up, rows)
        outputs = torch.bmm(down, hidden).reshape(*chosen.shape, -1)
        return (outputs * weights[:, :, None]).sum(1)
    return product_of_chosen(inputs, choices, weights, *experts, activation)


def product_of_chosen(
    inputs: torch.Tensor,
    choices: torch.Tensor,
    weights: torch.Tensor,
    gate: torch.Tensor,
    up: torch.Tensor,
    down: torch.Tensor,
    activation: Callable[[Any], Any],
) -> torch.Tensor:
    """Each expert on the tokens that chose it, its weights read where they are.

    `weights` are [tokens, active], `choices` int64 [tokens * active].
    """
    if has_torch_function_variadic(inputs, gate):  # a single call, to whoever records them
        given = (inputs, choices, weights, gate, up, down, activation)
        result: torch.Tensor = handle_torch_function(product_of_chosen, (inputs, gate), *given)
        return result
    order = torch.argsort(choices, stable=True)
    token = order // weights.shape[1]
    counts = torch.bincount(choices, minlength=len(gate)).tolist()
    parts = []
    for expert, rows in enumerate(inputs[token].split(counts)):
        if len(rows):
            hidden = activation(torch_product(rows, gate[expert])) * torch_product(rows, up[expert])
            parts.append(torch_product(hidden, down[expert]))
    outputs = torch.cat(parts) * weights.flatten()[order, None]
    return torch.zeros_like(inputs).index_add(0, token, outputs)
