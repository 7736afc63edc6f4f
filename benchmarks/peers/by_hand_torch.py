"""The notebook's GPT in plain torch, eager or compiled: the floor of libraries on torch."""

import torch
from torch import nn
from torch.nn import functional


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        inner = width // heads * heads
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * inner)
        self.out = nn.Linear(inner, width)
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def forward(self, x):
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        # Right-padded rows: what a padded key could change is padded too.
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = self.norms[0](x + self.out(y.transpose(1, 2).reshape(batch, length, -1)))
        return self.norms[1](x + self.down(functional.relu(self.up(x))))


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config["width"]
        self.tokens = nn.Embedding(config["vocabulary"], width)
        self.positions = nn.Embedding(config["length"], width)
        self.layers = nn.ModuleList(
            [Layer(width, config["heads"]) for _ in range(config["layers"])]
        )
        self.head = nn.Linear(width, config["vocabulary"])
        for embedding in (self.tokens, self.positions):
            nn.init.uniform_(embedding.weight, -0.05, 0.05)

    def forward(self, x, y):
        h = self.tokens(x) + self.positions.weight[: x.shape[1]]
        for layer in self.layers:
            h = layer(h)
        logits = self.head(h)
        return functional.cross_entropy(
            logits.view(-1, logits.shape[-1]), y.view(-1), ignore_index=0
        )


def trainer(config):
    torch.manual_seed(config["seed"])
    model = GPT(config)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7, fused=True)
    forward = torch.compile(model) if "compiled" in config["library"] else model
    mixed = config["dtype"] == "mixed_bfloat16"

    def run(x, y):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            loss = forward(torch.from_numpy(x).long(), torch.from_numpy(y).long())
        loss.backward()
        optimizer.step()
        return loss.item()

    return run
