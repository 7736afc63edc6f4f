"""Experts on torch, where the number of tokens of each may be looked at."""

from collections.abc import Callable
from typing import Any

import torch

from hornbook.layers.experts import Experts

FEW = 16
"""So many choices have their experts' weights copied side by side, which can be recorded."""


def torch_experts_product(
    inputs: Any, chosen: Any, weights: Any, experts: Experts, activation: Callable[[Any], Any]
) -> Any:
    """See `experts_product`."""
    number, active = experts.gate.shape[0], chosen.shape[1]
    choices = chosen.flatten().long()
    weights = weights.to(inputs.dtype)
    if len(choices) <= FEW:
        rows = inputs.repeat_interleave(active, 0)[:, :, None]
        gate, up, down = (kernel[choices] for kernel in experts)
        hidden = activation(torch.bmm(gate, rows)) * torch.bmm(up, rows)
        outputs = torch.bmm(down, hidden).reshape(*chosen.shape, -1)
        return (outputs * weights[:, :, None]).sum(1)
    order = torch.argsort(choices, stable=True)
    token = order // active
    counts = torch.bincount(choices, minlength=number).tolist()
    parts = []
    for expert, rows in enumerate(inputs[token].split(counts)):
        if len(rows):
            gate, up, down = (kernel[expert] for kernel in experts)
            parts.append((activation(rows @ gate.T) * (rows @ up.T)) @ down.T)
    outputs = torch.cat(parts) * weights.flatten()[order, None]
    return torch.zeros_like(inputs).index_add(0, token, outputs)
