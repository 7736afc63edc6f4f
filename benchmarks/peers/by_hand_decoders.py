"""GPT-2's decoding loop in plain torch and plain JAX: the floor of libraries on each.

Cache in place, the prompt run once, no masks beyond the causal one, no stop tokens, no sampling.
"""

import numpy as np


def torch_gpt2(config, shape, prompts, positions):
    import torch
    from torch.nn import functional

    dtype = getattr(torch, config["dtype"])
    width, heads, layers = shape["width"], shape["heads"], shape["layers"]

    def weight(*size):
        return (torch.randn(size) * 0.02).to(dtype)

    tokens, places = weight(shape["vocabulary"], width), weight(positions, width)
    norm_weight, norm_bias = torch.ones(width, dtype=dtype), torch.zeros(width, dtype=dtype)
    blocks = [
        (
            weight(3 * width, width), weight(3 * width), weight(width, width), weight(width),
            weight(shape["inner"], width), weight(shape["inner"]), weight(width, shape["inner"]),
            weight(width),
        )
        for _ in range(layers)
    ]  # fmt: skip
    total = config["prompt"] + config["new"]
    batch = config["batch"]

    def norm(x):
        return functional.layer_norm(x, (width,), norm_weight, norm_bias)

    def forward(ids, cache, start):
        length = ids.shape[1]
        x = tokens[ids] + places[start : start + length]
        for (qkv, qkv_b, out, out_b, up, up_b, down, down_b), (keys, values) in zip(
            blocks, cache, strict=True
        ):
            q, k, v = (
                functional.linear(norm(x), qkv, qkv_b)
                .view(batch, length, 3, heads, -1)
                .permute(2, 0, 3, 1, 4)
            )
            keys[:, :, start : start + length] = k
            values[:, :, start : start + length] = v
            y = functional.scaled_dot_product_attention(
                q, keys[:, :, : start + length], values[:, :, : start + length],
                is_causal=length > 1,
            )  # fmt: skip
            x = x + functional.linear(y.transpose(1, 2).reshape(batch, length, width), out, out_b)
            y = functional.gelu(functional.linear(norm(x), up, up_b), approximate="tanh")
            x = x + functional.linear(y, down, down_b)
        return functional.linear(norm(x[:, -1:]), tokens).argmax(-1)

    @torch.inference_mode()
    def run():
        size = (batch, heads, total, width // heads)
        cache = [(torch.empty(size, dtype=dtype), torch.empty(size, dtype=dtype)) for _ in blocks]
        ids = torch.from_numpy(prompts).long()
        made = [ids]
        start = 0
        for _ in range(config["new"]):
            new = forward(ids, cache, start)
            start += ids.shape[1]
            made.append(new)
            ids = new
        return torch.cat(made, 1).numpy()

    return run


def jax_gpt2(config, shape, prompts, positions):
    import jax
    import jax.numpy as jnp

    dtype = jnp.dtype(config["dtype"])
    width, heads, layers = shape["width"], shape["heads"], shape["layers"]
    rng = np.random.default_rng(0)

    def weight(*size):
        return jnp.asarray(rng.standard_normal(size, "f4") * 0.02, dtype)

    weights = {
        "tokens": weight(shape["vocabulary"], width), "places": weight(positions, width),
        "blocks": [
            {
                "qkv": weight(3 * width, width), "qkv_b": weight(3 * width),
                "out": weight(width, width), "out_b": weight(width),
                "up": weight(shape["inner"], width), "up_b": weight(shape["inner"]),
                "down": weight(width, shape["inner"]), "down_b": weight(width),
            }
            for _ in range(layers)
        ],
    }  # fmt: skip
    batch, prompt = prompts.shape
    total = prompt + config["new"]

    def norm(x):
        x = x.astype(jnp.float32)
        x = (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)
        return x.astype(dtype)

    def forward(w, ids, cache, start):
        length = ids.shape[1]
        x = w["tokens"][ids] + jax.lax.dynamic_slice_in_dim(w["places"], start, length)
        mask = jnp.arange(total) <= (start + jnp.arange(length))[:, None]
        updated = []
        for p, (keys, values) in zip(w["blocks"], cache, strict=True):
            q, k, v = (
                (norm(x) @ p["qkv"].T + p["qkv_b"])
                .reshape(batch, length, 3, heads, -1)
                .transpose(2, 0, 3, 1, 4)
            )
            keys = jax.lax.dynamic_update_slice(keys, k, (0, 0, start, 0))
            values = jax.lax.dynamic_update_slice(values, v, (0, 0, start, 0))
            scores = (q @ keys.swapaxes(-1, -2)).astype(jnp.float32) * (width // heads) ** -0.5
            attention = jax.nn.softmax(jnp.where(mask, scores, -1e30)).astype(dtype)
            y = (attention @ values).transpose(0, 2, 1, 3).reshape(batch, length, width)
            x = x + y @ p["out"].T + p["out_b"]
            y = jax.nn.gelu(norm(x) @ p["up"].T + p["up_b"], approximate=True)
            x = x + y @ p["down"].T + p["down_b"]
            updated.append((keys, values))
        return jnp.argmax(norm(x[:, -1:]) @ w["tokens"].T, -1).astype("int32"), updated

    @jax.jit
    def generate(w, ids):
        size = (batch, heads, total, width // heads)
        cache = [(jnp.zeros(size, dtype), jnp.zeros(size, dtype)) for _ in w["blocks"]]
        new, cache = forward(w, ids, cache, 0)
        made = jnp.zeros((batch, total), "int32").at[:, :prompt].set(ids)

        def step(carry):
            index, made, new, cache = carry
            made = jax.lax.dynamic_update_slice(made, new, (0, index))
            new, cache = forward(w, new, cache, index)
            return index + 1, made, new, cache

        carry = jax.lax.while_loop(lambda c: c[0] < total - 1, step, (prompt, made, new, cache))
        return jax.lax.dynamic_update_slice(carry[1], carry[2], (0, total - 1))

    return lambda: np.asarray(generate(weights, jnp.asarray(prompts)))
