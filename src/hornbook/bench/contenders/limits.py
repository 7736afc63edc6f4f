"""What the machine does at best through one library: copies, and products of square matrices.

The matrices are random: an accelerator multiplies equal numbers faster, as fewer bits change.
"""

from collections.abc import Callable
from typing import Any

from .measure import Run, timed, torch_device

COPIED = {"cpu": 256 * 2**20, "gpu": 2 * 2**30}
"""Bytes of the array that is copied, well beyond any cache; an accelerator takes most of the time
of a smaller one to start."""
SIDES = {"cpu": 2048, "gpu": 8192}
REPETITIONS = 10
CPU = "CPU"

Works = tuple[Callable[[], Any], dict[str, tuple[Callable[[], Any], float]], str, int]
"""The copy, the products by type with their operations, the device's name, the bytes copied."""
DTYPES = ("float32", "bfloat16")


def prepare(config: dict[str, Any]) -> Run:
    """`config` has `library`, numpy, jax or torch, and `quick`, which only shows that it works."""
    quick = bool(config["quick"])
    sizes = {kind: size // 64 for kind, size in COPIED.items()} if quick else COPIED
    copy, products, device, copied = LIBRARIES[config["library"]](sizes, 256 if quick else 0)
    repetitions = 2 if quick else REPETITIONS

    def best(work: Callable[[], Any]) -> float:
        return min(timed(work)[0] for _ in range(repetitions))

    def run() -> dict[str, Any]:
        seconds, results = timed(lambda: {"copy": 2 * copied / best(copy)})
        for dtype, (work, operations) in products.items():
            results[dtype] = operations / best(work)
        return {"seconds": seconds, "device": device, **results}

    return run


def _operations(side: int) -> float:
    return 2.0 * side**3


def _numpy(sizes: dict[str, int], side: int) -> Works:
    import numpy as np

    copied = sizes["cpu"]
    source = np.ones(copied // 4, "float32")
    target = np.empty_like(source)
    side = side or SIDES["cpu"]
    matrix = np.random.default_rng(0).standard_normal((side, side), "float32")
    products = {"float32": (lambda: matrix @ matrix, _operations(side))}
    return lambda: np.copyto(target, source), products, CPU, copied


def _jax(sizes: dict[str, int], side: int) -> Works:
    import jax
    import jax.numpy as jnp

    kind = "cpu" if jax.default_backend() == "cpu" else "gpu"
    side, copied = side or SIDES[kind], sizes[kind]
    source = jnp.ones(copied // 4, "float32")
    add = jax.jit(lambda x: x + 1)  # XLA would leave out a plain copy
    # Over the last axis of both: the one form of the product that XLA has a good kernel for.
    product = jax.jit(lambda x: jax.lax.dot_general(x, x, (((1,), (1,)), ((), ()))))

    def work(dtype: str) -> tuple[Callable[[], Any], float]:
        matrix = jax.random.normal(jax.random.key(0), (side, side), dtype)
        return lambda: product(matrix).block_until_ready(), _operations(side)

    return (
        lambda: add(source).block_until_ready(),
        {dtype: work(dtype) for dtype in DTYPES},
        CPU if kind == "cpu" else jax.devices()[0].device_kind,
        copied,
    )


def _torch(sizes: dict[str, int], side: int) -> Works:
    import torch

    device = torch_device()
    kind = "cpu" if device == "cpu" else "gpu"
    side, copied = side or SIDES[kind], sizes[kind]
    source = torch.ones(copied // 4, device=device)
    target = torch.empty_like(source)

    def finished(work: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> None:
            work()
            if kind == "gpu":
                torch.cuda.synchronize()

        return run

    def product(dtype: str) -> tuple[Callable[[], Any], float]:
        matrix = torch.randn(side, side, dtype=getattr(torch, dtype), device=device)
        return finished(lambda: matrix @ matrix), _operations(side)

    return (
        finished(lambda: target.copy_(source)),
        {dtype: product(dtype) for dtype in DTYPES},
        CPU if kind == "cpu" else torch.cuda.get_device_name(),
        copied,
    )


LIBRARIES = {"numpy": _numpy, "jax": _jax, "torch": _torch}
