"""What XLA calls, which finds the call's arrays.

The structures are those of XLA's interface for foreign functions, in C, by their offsets. They have
been the same in its versions 0.1 (JAX 0.6) to 0.5 (JAX 0.12), of which TensorFlow 2.21 has 0.2; a
version that nobody has looked at gets no machine code (`is_known`).
"""

import abc
import re
from functools import cache
from pathlib import Path
from typing import Any

from hornbook.native.xla_threads import TURNS_AWAKE, Offsets, share_address

KNOWN_VERSIONS = range(1, 6)
"""The second numbers of XLA's interface 0.x."""


class Framework(abc.ABC):
    """A framework that brings XLA along."""

    @abc.abstractmethod
    def header(self) -> Path:
        """Where the interface is, in C, if it is there."""

    @abc.abstractmethod
    def has_one_cpu(self) -> bool:
        """Whether what is traced now is compiled for a CPU that is a single device."""

    @abc.abstractmethod
    def register(self, target: str, handler: int) -> None:
        """Makes a function, which is at an address, known to XLA by a name."""

    @abc.abstractmethod
    def call(
        self,
        target: str,
        shape: tuple[int, ...],
        dtype: str,
        arguments: tuple[Any, ...],
        is_in_place: bool,
    ) -> Any:
        """Calls a function in what is traced.

        Args:
            target: its name.
            shape: of the result.
            dtype: of the result.
            arguments: tensors.
            is_in_place: whether the result is the first one, changed where nobody needs the old.
        """


def is_known(framework: Framework) -> bool:
    """Whether a framework has an interface that the handler was written for."""
    major, minor = _version(framework)
    return major == 0 and minor in KNOWN_VERSIONS


def handler_code(
    framework: Framework, grain: int = 1, is_shared: bool = True, waits: bool = False
) -> str:
    """LLVM's text of `handler`, which XLA can call.

    The module has to have

    - `i64 @count(ptr %arguments)`, the number of parts that the work has, and
    - `void @run(ptr %arguments, ptr %results, i64 %first, i64 %last)`, which does some of them.

    `array` and `dimension` give them the call's arrays.

    Args:
        framework: whose XLA calls it.
        grain: threads take a multiple of so many parts at a time, but for the last ones.
        is_shared: whether other threads help, which takes them a while to begin.
        waits: whether they wait awake for the next call.
    """
    major, minor = _version(framework)
    if is_shared:
        share = f"void inttoptr (i64 {share_address(function_offsets(framework))} to ptr)"
        turns = TURNS_AWAKE if waits else 0
        work = f"""call {share}(
            ptr %api, ptr %context, ptr @run, ptr %arguments, ptr %results, i64 %count,
            i64 {grain}, i64 {turns})"""
    else:
        work = "call void @run(ptr %arguments, ptr %results, i64 0, i64 %count)"
    return _ARRAYS + _ENTRY.format(major=major, minor=minor, work=work)


@cache
def _header(framework: Framework) -> str:
    """The interface in C."""
    header = framework.header()
    return header.read_text("utf-8") if header.is_file() else ""


@cache
def function_offsets(framework: Framework) -> Offsets:
    """Where the interface's functions are in its structure XLA_FFI_Api."""
    names = re.findall(r"_XLA_FFI_API_STRUCT_FIELD\((XLA_FFI_\w+)\)", _header(framework))
    return tuple((name, 48 + 8 * place) for place, name in enumerate(names))


@cache
def _version(framework: Framework) -> tuple[int, int]:
    found = dict(re.findall(r"#define XLA_FFI_API_(MAJOR|MINOR) (\d+)", _header(framework)))
    return int(found.get("MAJOR", -1)), int(found.get("MINOR", -1))


_ARRAYS = """
; Of one of a call's arguments or results: where its numbers are, and one of its dimensions.
define internal ptr @array(ptr %arrays, i64 %place) alwaysinline {
start:
  %buffer.at = getelementptr ptr, ptr %arrays, i64 %place
  %buffer = load ptr, ptr %buffer.at
  %data.at = getelementptr i8, ptr %buffer, i64 24
  %data = load ptr, ptr %data.at
  ret ptr %data
}

define internal i64 @dimension(ptr %arrays, i64 %place, i64 %axis) alwaysinline {
start:
  %buffer.at = getelementptr ptr, ptr %arrays, i64 %place
  %buffer = load ptr, ptr %buffer.at
  %dimensions.at = getelementptr i8, ptr %buffer, i64 40
  %dimensions = load ptr, ptr %dimensions.at
  %size.at = getelementptr i64, ptr %dimensions, i64 %axis
  %size = load i64, ptr %size.at
  ret i64 %size
}
"""
_ENTRY = """
define ptr @handler(ptr %frame) {{
start:
  %extension.at = getelementptr i8, ptr %frame, i64 8
  %extension = load ptr, ptr %extension.at
  %is.call = icmp eq ptr %extension, null
  br i1 %is.call, label %call, label %asked
asked: ; which version of the interface this is, if the extension is XLA_FFI_Extension_Metadata
  %type.at = getelementptr i8, ptr %extension, i64 8
  %type = load i32, ptr %type.at
  %is.version = icmp eq i32 %type, 1
  br i1 %is.version, label %answer, label %call
answer:
  %metadata.at = getelementptr i8, ptr %extension, i64 24
  %metadata = load ptr, ptr %metadata.at
  %major.at = getelementptr i8, ptr %metadata, i64 24
  store i32 {major}, ptr %major.at
  %minor.at = getelementptr i8, ptr %metadata, i64 28
  store i32 {minor}, ptr %minor.at
  ret ptr null

call:
  %api.at = getelementptr i8, ptr %frame, i64 16
  %api = load ptr, ptr %api.at
  %context.at = getelementptr i8, ptr %frame, i64 24
  %context = load ptr, ptr %context.at
  %arguments.at = getelementptr i8, ptr %frame, i64 72
  %arguments = load ptr, ptr %arguments.at
  %results.at = getelementptr i8, ptr %frame, i64 112
  %results = load ptr, ptr %results.at
  %count = call i64 @count(ptr %arguments)
  %is.any = icmp sgt i64 %count, 0
  br i1 %is.any, label %some, label %nothing
nothing:
  ret ptr null
some:
  {work}
  ret ptr null
}}
"""
