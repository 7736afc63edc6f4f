"""Dropout on torch's CPU by 16 random bits a number, four numbers a draw."""

import math
from typing import Any

import torch

STEPS = 2**16
LEAST_RATE = 2**-9
"""A smaller rate would be rounded by more than a part in 256."""


def is_computed_on_the_cpu(inputs: Any) -> bool:
    """Whether torch computes it there now, rather than recording what is computed."""
    is_recorded = torch.compiler.is_compiling() or torch.jit.is_tracing()
    return inputs.device.type == "cpu" and not is_recorded


def torch_dropout(inputs: Any, generator: torch.Generator | None, rate: float) -> Any:
    """Zeros and the other numbers, divided by the share that is kept, in the inputs' dtype."""
    keep, share = kept(inputs.shape, generator, rate)
    return _Dropped.apply(inputs, keep, 1 / share)


def kept(shape: Any, generator: torch.Generator | None, rate: float) -> tuple[Any, float]:
    """Bool of a shape, false with a probability next to `rate`; and the probability of true."""
    steps = round(rate * STEPS)
    if not LEAST_RATE <= rate <= 1 - 1 / STEPS:
        return torch.rand(shape, generator=generator) >= rate, 1 - rate
    number = math.prod(shape)
    words = torch.empty(-(-number // 4), dtype=torch.int64)
    words.random_(-(2**63), None, generator=generator)
    bits = words.view(torch.int16)[:number].view(shape)
    return bits >= steps - STEPS // 2, 1 - steps / STEPS


class _Dropped(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, inputs: Any, keep: Any, factor: float) -> Any:
        context.save_for_backward(keep)
        context.factor = factor
        return torch.where(keep, inputs, 0).mul_(factor)

    @staticmethod
    def backward(context: Any, gradient: Any) -> tuple[Any, None, None]:
        (keep,) = context.saved_tensors
        return torch.where(keep, gradient, 0).mul_(context.factor), None, None
