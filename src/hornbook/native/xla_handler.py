"""What XLA calls, which finds the call's arrays.

The structures are those of XLA's interface for foreign functions, in C, by their offsets. They have
been the same in its versions 0.1 (JAX 0.6) to 0.5 (JAX 0.12); a version that nobody has looked at
gets no machine code (`is_known`).
"""

import re
from functools import cache
from pathlib import Path

from hornbook.native.xla_threads import TURNS_AWAKE, Offsets, share_address

KNOWN_VERSIONS = range(1, 6)
"""The second numbers of XLA's interface 0.x."""


def is_known() -> bool:
    """Whether this JAX has an interface that the handler was written for."""
    return _version()[0] == 0 and _version()[1] in KNOWN_VERSIONS


def handler_code(grain: int = 1, is_shared: bool = True, waits: bool = False) -> str:
    """LLVM's text of `handler`, which XLA can call.

    The module has to have

    - `i64 @count(ptr %arguments)`, the number of parts that the work has, and
    - `void @run(ptr %arguments, ptr %results, i64 %first, i64 %last)`, which does some of them.

    `array` and `dimension` give them the call's arrays.

    Args:
        grain: threads take a multiple of so many parts at a time, but for the last ones.
        is_shared: whether other threads help, which takes them a while to begin.
        waits: whether they wait awake for the next call.
    """
    major, minor = _version()
    if is_shared:
        share = f"void inttoptr (i64 {share_address(_function_offsets())} to ptr)"
        turns = TURNS_AWAKE if waits else 0
        work = f"""call {share}(
            ptr %api, ptr %context, ptr @run, ptr %arguments, ptr %results, i64 %count,
            i64 {grain}, i64 {turns})"""
    else:
        work = "call void @run(ptr %arguments, ptr %results, i64 0, i64 %count)"
    return _ARRAYS + _ENTRY.format(major=major, minor=minor, work=work)


@cache
def _header() -> str:
    """The interface in C, which comes with JAX."""
    import jax

    header = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")
    return header.read_text("utf-8") if header.is_file() else ""


@cache
def _function_offsets() -> Offsets:
    """Where the interface's functions are in its structure XLA_FFI_Api."""
    names = re.findall(r"_XLA_FFI_API_STRUCT_FIELD\((XLA_FFI_\w+)\)", _header())
    return tuple((name, 48 + 8 * place) for place, name in enumerate(names))


@cache
def _version() -> tuple[int, int]:
    found = dict(re.findall(r"#define XLA_FFI_API_(MAJOR|MINOR) (\d+)", _header()))
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
