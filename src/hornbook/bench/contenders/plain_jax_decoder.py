"""A decoder with learned positions, generating in plain JAX: the floor of libraries on JAX.

The cache is donated and the prompt run once; there are no masks beyond the causal one, no stop
tokens and no sampling. Products have the forms that XLA computes at the memory's speed on a CPU.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .prompts import Generate, prompts, read_config

FEW_ROWS = 32
Cache = list[tuple[jax.Array, jax.Array]]


def linear(x: jax.Array, kernel: jax.Array, bias: Any = 0) -> jax.Array:
    """[batch, length, inputs] times [outputs, inputs]."""
    flat = x.reshape(-1, x.shape[-1])
    rows, half = len(flat), x.dtype == jnp.bfloat16
    if jax.default_backend() != "cpu":
        y = flat @ kernel.T
    elif half and rows == 1:
        y = _apart(flat, kernel, 7) @ kernel.T
    elif not half and 1 < rows <= FEW_ROWS:
        y = jnp.sum(kernel[:, None] * _apart(flat, kernel, 23)[None], axis=-1).T
    else:
        axes = (((1,), (1,)), ((), ()))
        y = lax.dot_general(flat, kernel, axes, preferred_element_type=jnp.float32).astype(x.dtype)
    return y.reshape(*x.shape[:-1], -1) + bias


def _apart(x: jax.Array, kernel: jax.Array, mantissa_bits: int) -> jax.Array:
    """The same numbers, which XLA neither shares with other products nor makes inside of this."""
    return lax.reduce_precision(x + 0 * kernel[0], 8, mantissa_bits)


def norm(x: jax.Array) -> jax.Array:
    """Normalises the last axis, in float32."""
    y = x.astype(jnp.float32)
    y = (y - y.mean(-1, keepdims=True)) * lax.rsqrt(y.var(-1, keepdims=True) + 1e-5)
    return y.astype(x.dtype)


def random_weights(sizes: dict[str, Any], dtype: Any) -> dict[str, Any]:
    """Tables and kernels [outputs, inputs]."""
    rng = np.random.default_rng(0)
    width, inner = sizes["n_embd"], sizes["n_inner"] or 4 * sizes["n_embd"]

    def weight(*size: int) -> jax.Array:
        return jnp.asarray(rng.standard_normal(size, "f4") * 0.02, dtype)

    shapes = {
        "qkv": (3 * width, width),
        "out": (width, width),
        "up": (inner, width),
        "down": (width, inner),
    }
    return {
        "tokens": weight(sizes["vocab_size"], width),
        "positions": weight(sizes["n_positions"], width),
        "layers": [
            {name: (weight(*shape), weight(shape[0])) for name, shape in shapes.items()}
            for _ in range(sizes["n_layer"])
        ],
    }


def attend(q: jax.Array, keys: jax.Array, values: jax.Array, start: Any) -> jax.Array:
    """Attention of [batch, heads, length, head_dim] that stand at `start` onwards."""
    places = (start + jnp.arange(q.shape[2]))[:, None]
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, keys, preferred_element_type=jnp.float32)
    scores = jnp.where(jnp.arange(keys.shape[2]) <= places, scores * q.shape[-1] ** -0.5, -1e30)
    return jnp.einsum("bhqk,bhkd->bhqd", jax.nn.softmax(scores).astype(q.dtype), values)


def next_tokens(
    heads: int, weights: dict[str, Any], ids: jax.Array, cache: Cache, start: Any
) -> tuple[jax.Array, Cache]:
    """Runs ids [batch, length] that stand at `start` onwards: the next ones, [batch, 1]."""
    batch, length = ids.shape
    x = weights["tokens"][ids] + lax.dynamic_slice_in_dim(weights["positions"], start, length)
    updated = []
    for layer, (keys, values) in zip(weights["layers"], cache, strict=True):
        projected = linear(norm(x), *layer["qkv"])
        q, k, v = projected.reshape(batch, length, 3, heads, -1).transpose(2, 0, 3, 1, 4)
        keys = lax.dynamic_update_slice(keys, k.astype(keys.dtype), (0, 0, start, 0))
        values = lax.dynamic_update_slice(values, v.astype(keys.dtype), (0, 0, start, 0))
        y = attend(q.astype(keys.dtype), keys, values, start).astype(x.dtype)
        x = x + linear(y.transpose(0, 2, 1, 3).reshape(batch, length, -1), *layer["out"])
        x = x + linear(jax.nn.gelu(linear(norm(x), *layer["up"]), approximate=True), *layer["down"])
        updated.append((keys, values))
    logits = linear(norm(x[:, -1:]), weights["tokens"])
    return jnp.argmax(logits, -1).astype(jnp.int32), updated


def make(config: dict[str, Any]) -> Generate:
    """Generates with the model of a config.json that has these sizes."""
    sizes, dtype = read_config(config), jnp.dtype(config["dtype"])
    weights = random_weights(sizes, dtype)
    start_ids = jnp.asarray(prompts(config))
    batch, prompt = start_ids.shape
    # XLA's CPU backend would convert a whole bfloat16 cache to float32 and back for each token.
    held = jnp.float32 if jax.default_backend() == "cpu" else dtype
    step = jax.jit(partial(next_tokens, sizes["n_head"]), donate_argnums=2)

    def generate(new: int) -> Any:
        size = (batch, sizes["n_head"], prompt + new, sizes["n_embd"] // sizes["n_head"])
        cache = [(jnp.zeros(size, held), jnp.zeros(size, held)) for _ in weights["layers"]]
        ids, made = start_ids, [start_ids]
        # A step a call: in a loop inside of the program, XLA converts all bfloat16 weights before.
        for index in range(new):
            start = 0 if index == 0 else prompt + index - 1
            ids, cache = step(weights, ids, cache, start)
            made.append(ids)
        return np.concatenate([np.asarray(part) for part in made], 1)

    return generate
