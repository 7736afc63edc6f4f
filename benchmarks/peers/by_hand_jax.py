"""The notebook's GPT in plain JAX: what the libraries on JAX are measured against."""

import jax
import jax.numpy as jnp
import numpy as np


def parameters(config):
    rng = np.random.default_rng(config["seed"])
    width, heads = config["width"], config["heads"]
    inner = width // heads * heads

    def matrix(rows, columns):
        limit = (6 / (rows + columns)) ** 0.5
        return jnp.asarray(rng.uniform(-limit, limit, (rows, columns)).astype("f4"))

    def linear(rows, columns):
        return {"w": matrix(rows, columns), "b": jnp.zeros(columns)}

    def norm():
        return {"scale": jnp.ones(width), "bias": jnp.zeros(width)}

    def layer():
        return {
            "qkv": [linear(width, inner) for _ in range(3)], "out": linear(inner, width),
            "up": linear(width, width), "down": linear(width, width), "norms": [norm(), norm()],
        }  # fmt: skip

    return {
        "tokens": jnp.asarray(rng.uniform(-0.05, 0.05, (config["vocabulary"], width)).astype("f4")),
        "positions": jnp.asarray(rng.uniform(-0.05, 0.05, (config["length"], width)).astype("f4")),
        "layers": [layer() for _ in range(config["layers"])],
        "head": linear(width, config["vocabulary"]),
    }


def apply_norm(p, x):
    x = x.astype(jnp.float32)
    x = (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * p["scale"] + p["bias"]


def trainer(config):
    heads, length = config["heads"], config["length"]
    dtype = jnp.bfloat16 if config["dtype"] == "mixed_bfloat16" else jnp.float32
    causal = np.tril(np.ones((length, length), bool))

    def linear(p, x):
        return x.astype(dtype) @ p["w"].astype(dtype) + p["b"].astype(dtype)

    def layer(p, x, mask):
        def split(y):
            return y.reshape(*y.shape[:2], heads, -1).transpose(0, 2, 1, 3)

        q, k, v = (split(linear(part, x)) for part in p["qkv"])
        scores = (q @ k.swapaxes(-1, -2)).astype(jnp.float32) * q.shape[-1] ** -0.5
        weights = jax.nn.softmax(jnp.where(mask, scores, -1e30)).astype(dtype)
        y = (weights @ v).transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1)
        x = apply_norm(p["norms"][0], x + linear(p["out"], y)).astype(dtype)
        y = linear(p["down"], jax.nn.relu(linear(p["up"], x)))
        return apply_norm(p["norms"][1], x + y).astype(dtype)

    def loss_of(p, x, y):
        mask = (x != 0)[:, None, None] & causal
        h = p["tokens"][x] + p["positions"][: x.shape[1]]
        for part in p["layers"]:
            h = layer(part, h.astype(dtype), mask)
        logits = linear(p["head"], h).astype(jnp.float32)
        picked = jnp.take_along_axis(logits, y[..., None], -1)[..., 0]
        losses = jax.nn.logsumexp(logits, -1) - picked
        return jnp.sum(losses * (y != 0)) / jnp.sum(y != 0)

    def step(state, x, y):
        p, m, v, count = state
        loss, gradients = jax.value_and_grad(loss_of)(p, x, y)
        count = count + 1
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, gradients)
        p = jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + 1e-7), p, m, v)
        return (p, m, v, count), loss

    compiled = jax.jit(step, donate_argnums=0)
    p = parameters(config)
    zeros = jax.tree.map(jnp.zeros_like, p)
    state = [(p, zeros, jax.tree.map(jnp.zeros_like, p), jnp.float32(0))]

    def run(x, y):
        state[0], loss = compiled(state[0], x, y)
        return loss.block_until_ready()

    return run
