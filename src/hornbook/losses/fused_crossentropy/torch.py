"""torch: a function with a gradient of its own, which is computed where the logits stand."""

from typing import Any

import torch

from hornbook.layers.torch_product import outer_product, torch_product


def fused(
    hidden: Any, kernel: Any, bias: Any, labels: Any, weights: Any, piece_tokens: int
) -> tuple[Any, Any]:
    """See `fused_crossentropy`."""
    total, losses = _Summed.apply(
        hidden.reshape(-1, hidden.shape[-1]),
        kernel,
        bias,
        labels.reshape(-1, 1).long(),
        weights.reshape(-1, 1),
        piece_tokens,
    )
    return total, losses.reshape(labels.shape)


class _Summed(torch.autograd.Function):
    """Takes [tokens, features], [vocabulary, features], [vocabulary], and [tokens, 1] twice."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Any, kernel: Any, bias: Any, labels: Any, weights: Any, piece_tokens: int
    ) -> tuple[Any, Any]:
        wanted = any(ctx.needs_input_grad[:3])
        losses = torch.empty_like(weights)
        hidden_gradient: Any = torch.empty_like(hidden) if wanted else None
        kernel_gradient: Any = torch.zeros_like(kernel, dtype=torch.float32) if wanted else None
        bias_gradient: Any = None
        if wanted and bias is not None:
            bias_gradient = torch.zeros_like(bias, dtype=torch.float32)
        for start in range(0, len(hidden), piece_tokens):
            part = slice(start, start + piece_tokens)
            states, targets = hidden[part], labels[part]
            logits = torch_product(states, kernel, bias)
            log_probabilities = torch.log_softmax(logits.float(), dim=-1)
            losses[part] = -log_probabilities.gather(1, targets)
            if not wanted:
                continue
            gradient = log_probabilities.exp_()
            gradient.scatter_add_(1, targets, torch.full_like(targets, -1, dtype=torch.float32))
            # The weights go to the narrow factors: one pass less over all logits.
            weight = weights[part]
            if bias_gradient is not None:
                bias_gradient.addmv_(gradient.T, weight[:, 0])
            gradient = gradient.to(hidden.dtype)
            hidden_gradient[part] = torch_product(gradient, kernel.T) * weight
            weighted = (states * weight).to(states.dtype)
            kernel_gradient += outer_product(gradient, weighted)
        if wanted:
            if bias_gradient is not None:
                bias_gradient = bias_gradient.to(bias.dtype)
            ctx.save_for_backward(hidden_gradient, kernel_gradient.to(kernel.dtype), bias_gradient)
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, upstream: Any, _: Any) -> tuple[Any, ...]:
        scaled = (
            None if gradient is None else gradient * upstream.to(gradient.dtype)
            for gradient in ctx.saved_tensors
        )
        return (*scaled, None, None, None)
