"""The notebook's GPT in plain JAX: the floor of libraries on JAX."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .notebook_gpt import SHAPES
from .training import Step

Tree = Any


def random_weights(sizes: dict[str, int], length: int, seed: int) -> Tree:
    """Glorot's matrices, uniform tables, norms that change nothing."""
    rng = np.random.default_rng(seed)
    width, vocabulary = sizes["width"], sizes["vocabulary"]
    inner = width // sizes["heads"] * sizes["heads"]

    def uniform(limit: float, *shape: int) -> jax.Array:
        return jnp.asarray(rng.uniform(-limit, limit, shape).astype("f4"))

    def linear(rows: int, columns: int) -> Tree:
        limit = (6 / (rows + columns)) ** 0.5
        return {"w": uniform(limit, rows, columns), "b": jnp.zeros(columns)}

    def norm() -> Tree:
        return {"scale": jnp.ones(width), "bias": jnp.zeros(width)}

    def layer() -> Tree:
        return {
            "qkv": [linear(width, inner) for _ in range(3)],
            "out": linear(inner, width),
            "up": linear(width, width),
            "down": linear(width, width),
            "norms": [norm(), norm()],
        }

    return {
        "tokens": uniform(0.05, vocabulary, width),
        "positions": uniform(0.05, length, width),
        "layers": [layer() for _ in range(sizes["layers"])],
        "head": linear(width, vocabulary),
    }


def apply_norm(p: Tree, x: jax.Array) -> jax.Array:
    """Normalises the last axis, in float32."""
    x = x.astype(jnp.float32)
    x = (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)
    return x * p["scale"] + p["bias"]


def linear(p: Tree, x: jax.Array, dtype: Any) -> jax.Array:
    """An affine map in a type."""
    return x.astype(dtype) @ p["w"].astype(dtype) + p["b"].astype(dtype)


def apply_layer(p: Tree, x: jax.Array, heads: int, mask: jax.Array, dtype: Any) -> jax.Array:
    """A decoder layer that normalises after each part."""

    def split(y: jax.Array) -> jax.Array:
        return y.reshape(*y.shape[:2], heads, -1).transpose(0, 2, 1, 3)

    q, k, v = (split(linear(part, x, dtype)) for part in p["qkv"])
    scores = (q @ k.swapaxes(-1, -2)).astype(jnp.float32) * q.shape[-1] ** -0.5
    weights = jax.nn.softmax(jnp.where(mask, scores, -1e30)).astype(dtype)
    y = (weights @ v).transpose(0, 2, 1, 3).reshape(*x.shape[:2], -1)
    x = apply_norm(p["norms"][0], x + linear(p["out"], y, dtype)).astype(dtype)
    y = linear(p["down"], jax.nn.relu(linear(p["up"], x, dtype)), dtype)
    return apply_norm(p["norms"][1], x + y).astype(dtype)


def loss_of(p: Tree, ids: jax.Array, labels: jax.Array, heads: int, dtype: Any) -> jax.Array:
    """Cross-entropy of the real tokens; 0 is padding."""
    length = ids.shape[1]
    mask = (ids != 0)[:, None, None] & np.tril(np.ones((length, length), bool))
    x = p["tokens"][ids] + p["positions"][:length]
    for part in p["layers"]:
        x = apply_layer(part, x.astype(dtype), heads, mask, dtype)
    logits = linear(p["head"], x, dtype).astype(jnp.float32)
    picked = jnp.take_along_axis(logits, labels[..., None], -1)[..., 0]
    losses = jax.nn.logsumexp(logits, -1) - picked
    return jnp.sum(losses * (labels != 0)) / jnp.sum(labels != 0)


def make(config: dict[str, Any]) -> Step:
    """A step of Adam."""
    sizes = SHAPES[config["model"]]
    dtype = jnp.bfloat16 if config["dtype"] == "mixed_bfloat16" else jnp.float32

    def update(state: Tree, ids: jax.Array, labels: jax.Array) -> tuple[Tree, jax.Array]:
        p, m, v, count = state
        loss, gradients = jax.value_and_grad(loss_of)(p, ids, labels, sizes["heads"], dtype)
        count = count + 1
        rate = 1e-3 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda a, g: 0.999 * a + 0.001 * g * g, v, gradients)
        p = jax.tree.map(lambda a, b, c: a - rate * b / (jnp.sqrt(c) + 1e-7), p, m, v)
        return (p, m, v, count), loss

    compiled = jax.jit(update, donate_argnums=0)
    p = random_weights(sizes, config["length"], config["seed"])
    zeros = jax.tree.map(jnp.zeros_like, p)
    state = [(p, zeros, jax.tree.map(jnp.zeros_like, p), jnp.float32(0))]

    def step(ids: np.ndarray, labels: np.ndarray) -> Any:
        state[0], loss = compiled(state[0], ids, labels)
        return loss.block_until_ready()

    return step
