"""A decoder with learned positions, generating in plain torch: the floor of libraries on torch.

The cache is written in place and the prompt run once; there are no masks beyond the causal one, no
stop tokens and no sampling.
"""

from typing import Any

import torch
from torch.nn import functional

from .measure import torch_device
from .prompts import Generate, prompts, read_config

Tensors = list[tuple[torch.Tensor, ...]]


class Decoder:
    """Random weights and the forward pass."""

    def __init__(self, sizes: dict[str, Any], dtype: torch.dtype, device: str) -> None:
        self.heads, self.width = sizes["n_head"], sizes["n_embd"]
        width, inner = self.width, sizes["n_inner"] or 4 * sizes["n_embd"]

        def weight(*size: int) -> torch.Tensor:
            return (torch.randn(size) * 0.02).to(dtype).to(device)

        self.tokens = weight(sizes["vocab_size"], width)
        self.positions = weight(sizes["n_positions"], width)
        self.norm_weight = torch.ones(width, dtype=dtype, device=device)
        self.norm_bias = torch.zeros(width, dtype=dtype, device=device)
        shapes = ((3 * width, width), (width, width), (inner, width), (width, inner))
        self.layers: Tensors = [
            tuple(part for shape in shapes for part in (weight(*shape), weight(shape[0])))
            for _ in range(sizes["n_layer"])
        ]

    def norm(self, x: torch.Tensor) -> torch.Tensor:
        """Normalises the last axis."""
        return functional.layer_norm(x, (self.width,), self.norm_weight, self.norm_bias)

    def next_tokens(self, ids: torch.Tensor, cache: Tensors, start: int) -> torch.Tensor:
        """Runs ids [batch, length] that stand at `start` onwards: the next ones, [batch, 1]."""
        batch, length = ids.shape
        end = start + length
        x = self.tokens[ids] + self.positions[start:end]
        for layer, (keys, values) in zip(self.layers, cache, strict=True):
            qkv, qkv_bias, out, out_bias, up, up_bias, down, down_bias = layer
            projected = functional.linear(self.norm(x), qkv, qkv_bias)
            q, k, v = projected.view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            keys[:, :, start:end], values[:, :, start:end] = k, v
            y = functional.scaled_dot_product_attention(
                q, keys[:, :, :end], values[:, :, :end], is_causal=length > 1
            )
            y = y.transpose(1, 2).reshape(batch, length, self.width)
            x = x + functional.linear(y, out, out_bias)
            y = functional.gelu(functional.linear(self.norm(x), up, up_bias), approximate="tanh")
            x = x + functional.linear(y, down, down_bias)
        return functional.linear(self.norm(x[:, -1:]), self.tokens).argmax(-1)


def make(config: dict[str, Any]) -> Generate:
    """Generates with the model of a config.json that has these sizes."""
    dtype, device = getattr(torch, config["dtype"]), torch_device()
    model = Decoder(read_config(config), dtype, device)
    start_ids = torch.from_numpy(prompts(config)).long().to(device)
    batch, prompt = start_ids.shape

    @torch.inference_mode()
    def generate(new: int) -> Any:
        size = (batch, model.heads, prompt + new, model.width // model.heads)
        cache: Tensors = [
            tuple(torch.empty(size, dtype=dtype, device=device) for _ in range(2))
            for _ in model.layers
        ]
        ids, made, start = start_ids, [start_ids], 0
        for _ in range(new):
            ids, start = model.next_tokens(ids, cache, start), start + ids.shape[1]
            made.append(ids)
        return torch.cat(made, 1).cpu().numpy()

    return generate
