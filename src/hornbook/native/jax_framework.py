"""JAX's XLA, as machine code is called by it."""

from pathlib import Path
from typing import Any

import jax

from hornbook.native.xla_handler import Framework


class JaxFramework(Framework):
    """XLA as JAX traces for it."""

    def header(self) -> Path:
        return Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")

    def has_one_cpu(self) -> bool:
        return jax.default_backend() == "cpu" and jax.device_count() == 1

    def register(self, target: str, handler: int) -> None:
        jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(handler), platform="cpu")

    def call(
        self,
        target: str,
        shape: tuple[int, ...],
        dtype: str,
        arguments: tuple[Any, ...],
        is_in_place: bool,
    ) -> Any:
        result = jax.ShapeDtypeStruct(shape, dtype)
        aliases = {0: 0} if is_in_place else None
        function = jax.ffi.ffi_call(
            target, result, vmap_method="sequential", input_output_aliases=aliases
        )
        return function(*arguments)
