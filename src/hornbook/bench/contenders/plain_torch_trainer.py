"""The notebook's GPT in plain torch, eager or compiled: the floor of libraries on torch."""

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .measure import torch_device
from .notebook_gpt import SHAPES
from .training import Step


class Layer(nn.Module):
    """A decoder layer that normalises after each part."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        inner = width // heads * heads
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * inner)
        self.out = nn.Linear(inner, width)
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # Right-padded rows: what a padded key could change is padded too.
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = self.norms[0](x + self.out(y.transpose(1, 2).reshape(batch, length, -1)))
        return self.norms[1](x + self.down(functional.relu(self.up(x))))


class GPT(nn.Module):
    """The model and its loss."""

    def __init__(self, sizes: dict[str, int], length: int) -> None:
        super().__init__()
        width, heads = sizes["width"], sizes["heads"]
        self.tokens = nn.Embedding(sizes["vocabulary"], width)
        self.positions = nn.Embedding(length, width)
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(sizes["layers"])])
        self.head = nn.Linear(width, sizes["vocabulary"])
        for embedding in (self.tokens, self.positions):
            nn.init.uniform_(embedding.weight, -0.05, 0.05)

    def forward(self, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x)
        logits = self.head(x)
        return functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=0)


def make(config: dict[str, Any]) -> Step:
    """A step of Adam."""
    torch.manual_seed(config["seed"])
    device = torch_device()
    model = GPT(SHAPES[config["model"]], config["length"]).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
    forward = torch.compile(model) if "compiled" in config["library"] else model
    mixed = config["dtype"] == "mixed_bfloat16"

    def step(ids: np.ndarray, labels: np.ndarray) -> Any:
        optimizer.zero_grad(set_to_none=True)
        x, y = (torch.from_numpy(part).long().to(device) for part in (ids, labels))
        with torch.autocast(device, torch.bfloat16, enabled=mixed):
            loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
