"""TensorFlow's XLA, as machine code is called by it.

TensorFlow has no function that makes others known to its XLA, but its library has that of XLA's
interface. A call comes into a graph as a module of StableHLO, a language of XLA's, that consists of
it.
"""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.compiler.tf2xla.python.xla import call_module

from hornbook.native.xla_handler import Framework, function_offsets

VERSION = 9
"""Of the modules."""
TYPES = {
    "bfloat16": "bf16", "bool": "i1", "float32": "f32", "int32": "i32", "int8": "i8",
    "uint16": "ui16",
}  # fmt: skip
"""Names of dtypes in StableHLO."""


class _Text(ctypes.Structure):
    """XLA_FFI_ByteSpan."""

    _fields_ = (("start", ctypes.c_char_p), ("size", ctypes.c_size_t))

    @classmethod
    def of(cls, text: str) -> "_Text":
        return cls(text.encode(), len(text.encode()))


class _Registration(ctypes.Structure):
    """XLA_FFI_Handler_Register_Args."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("extension", ctypes.c_void_p),
        ("name", _Text),
        ("platform", _Text),
        ("before", ctypes.c_void_p * 3),  # what is called before it, if anything
        ("handler", ctypes.c_void_p),
        ("traits", ctypes.c_uint32),
    )


class TensorFlowFramework(Framework):
    """XLA as TensorFlow traces for it, in functions that it compiles as a whole."""

    def header(self) -> Path:
        return Path(tf.sysconfig.get_include(), "xla", "ffi", "api", "c_api.h")

    def has_one_cpu(self) -> bool:
        devices = [device.device_type for device in tf.config.list_logical_devices()]
        return devices == ["CPU"] and _library() is not None

    def register(self, target: str, handler: int) -> None:
        library = _library()
        if library is None:
            raise RuntimeError("This TensorFlow lacks XLA's interface for foreign functions.")
        offset = dict(function_offsets(self))["XLA_FFI_Handler_Register"]
        place = ctypes.c_size_t.from_address(library.XLA_FFI_GetApi() + offset).value
        function = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(place)
        traits = _Registration.traits
        given = _Registration(
            size=traits.offset + traits.size,
            name=_Text.of(target),
            platform=_Text.of("Host"),
            handler=handler,
        )
        if function(ctypes.addressof(given)):
            raise RuntimeError(f"TensorFlow's XLA doesn't take the function {target}.")

    def call(
        self,
        target: str,
        shape: tuple[int, ...],
        dtype: str,
        arguments: tuple[Any, ...],
        is_in_place: bool,
    ) -> Any:
        tensors = list(map(tf.convert_to_tensor, arguments))
        kinds = [_kind(each.shape, keras.backend.standardize_dtype(each.dtype)) for each in tensors]
        module = _module(target, kinds, _kind(shape, dtype), is_in_place)
        (result,) = call_module(
            tensors, version=VERSION, module=module, Tout=[dtype], Sout=[shape], platforms=["CPU"]
        )
        return result


def _module(target: str, arguments: list[str], result: str, is_in_place: bool) -> str:
    names = [f"%{place}" for place in range(len(arguments))]
    parameters = ", ".join(f"{name}: {kind}" for name, kind in zip(names, arguments, strict=True))
    alias = (
        "#stablehlo.output_operand_alias<output_tuple_indices = [], operand_index = 0,"
        " operand_tuple_indices = []>"
    )
    return f"""
    module {{
      func.func public @main({parameters}) -> {result} {{
        %result = stablehlo.custom_call @"{target}"({", ".join(names)}) {{
          api_version = 4 : i32,
          backend_config = {{}},
          output_operand_aliases = [{alias if is_in_place else ""}]
        }} : ({", ".join(arguments)}) -> {result}
        return %result : {result}
      }}
    }}"""


def _kind(shape: Any, dtype: str) -> str:
    return f"tensor<{''.join(f'{size}x' for size in shape)}{TYPES[dtype]}>"


@cache
def _library() -> ctypes.CDLL | None:
    """TensorFlow's own, if it has XLA's interface."""
    folder = Path(tf.sysconfig.get_lib())
    for path in folder.glob("libtensorflow_framework.so*"):
        library = ctypes.CDLL(str(path))
        try:
            library.XLA_FFI_GetApi.restype = ctypes.c_size_t
        except AttributeError:
            continue
        return library
    return None
