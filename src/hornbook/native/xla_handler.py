"""What XLA calls: it shares the work on a call's arrays among XLA's own threads.

The structures are those of XLA's interface for foreign functions, in C, by their offsets. They have
been the same in its versions 0.1 (JAX 0.6) to 0.5 (JAX 0.12); a version that nobody has looked at
gets no machine code (`is_known`).
"""

import ctypes
import re
from functools import cache
from pathlib import Path
from typing import Any

KNOWN_VERSIONS = range(1, 6)
"""The second numbers of XLA's interface 0.x."""
CHUNKS_EACH = 4
"""Chunks of work for each thread, so that the others go on where one is held up."""


def is_known() -> bool:
    """Whether this JAX has an interface that the handler was written for."""
    return _version()[0] == 0 and _version()[1] in KNOWN_VERSIONS


def handler_code(grain: int) -> str:
    """LLVM's text of `handler`, which XLA can call.

    The module has to have

    - `i64 @count(ptr %arguments)`, the number of parts that the work has, and
    - `void @run(ptr %arguments, ptr %results, i64 %first, i64 %last)`, which does some of them.

    `array` and `dimension` give them the call's arrays.

    Args:
        grain: threads take a multiple of so many parts at a time, but for the last ones.
    """
    major, minor = _version()
    python = ctypes.pythonapi
    return _HANDLER.format(
        malloc=_address(python.PyMem_RawMalloc),
        free=_address(python.PyMem_RawFree),
        major=major,
        minor=minor,
        each=CHUNKS_EACH,
        grain=grain,
        give_way=_address(ctypes.CDLL(None).sched_yield),
        **_function_offsets(),
    )


@cache
def _header() -> str:
    """The interface in C, which comes with JAX."""
    import jax

    header = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")
    return header.read_text("utf-8") if header.is_file() else ""


@cache
def _version() -> tuple[int, int]:
    found = dict(re.findall(r"#define XLA_FFI_API_(MAJOR|MINOR) (\d+)", _header()))
    return int(found.get("MAJOR", -1)), int(found.get("MINOR", -1))


def _function_offsets() -> dict[str, int]:
    """Where the interface's functions are in its structure XLA_FFI_Api, by their names."""
    names = re.findall(r"_XLA_FFI_API_STRUCT_FIELD\((XLA_FFI_\w+)\)", _header())
    return {name: 48 + 8 * place for place, name in enumerate(names)}


def _address(function: Any) -> str:
    address = ctypes.cast(function, ctypes.c_void_p).value
    return f"inttoptr (i64 {address} to ptr)"


_HANDLER = """
declare void @llvm.x86.sse2.pause()

; What the threads share. `next` is the first chunk that nobody has taken, `done` counts those that
; are finished, and `users` the threads that may still look at it: the last one gives it back.
;          arguments results count size chunks next done users
%Work = type {{ ptr, ptr, i64, i64, i64, i64, i64, i64 }}

define internal void @work(ptr %work) {{
start:
  %arguments.at = getelementptr %Work, ptr %work, i32 0, i32 0
  %results.at = getelementptr %Work, ptr %work, i32 0, i32 1
  %count.at = getelementptr %Work, ptr %work, i32 0, i32 2
  %size.at = getelementptr %Work, ptr %work, i32 0, i32 3
  %chunks.at = getelementptr %Work, ptr %work, i32 0, i32 4
  %next.at = getelementptr %Work, ptr %work, i32 0, i32 5
  %done.at = getelementptr %Work, ptr %work, i32 0, i32 6
  %arguments = load ptr, ptr %arguments.at
  %results = load ptr, ptr %results.at
  %count = load i64, ptr %count.at
  %size = load i64, ptr %size.at
  %chunks = load i64, ptr %chunks.at
  br label %take
take:
  %chunk = atomicrmw add ptr %next.at, i64 1 acq_rel
  %is.one = icmp slt i64 %chunk, %chunks
  br i1 %is.one, label %run, label %out
run:
  %first = mul i64 %chunk, %size
  %end = add i64 %first, %size
  %is.inside = icmp slt i64 %end, %count
  %last = select i1 %is.inside, i64 %end, i64 %count
  call void @run(ptr %arguments, ptr %results, i64 %first, i64 %last)
  %counted = atomicrmw add ptr %done.at, i64 1 acq_rel
  br label %take
out:
  ret void
}}

define internal void @leave(ptr %work, i64 %count) {{
start:
  %users.at = getelementptr %Work, ptr %work, i32 0, i32 7
  %users = atomicrmw sub ptr %users.at, i64 %count acq_rel
  %is.last = icmp eq i64 %users, %count
  br i1 %is.last, label %give.back, label %out
give.back:
  call void {free}(ptr %work)
  br label %out
out:
  ret void
}}

define internal void @help(ptr %work) {{
start:
  call void @work(ptr %work)
  call void @leave(ptr %work, i64 1)
  ret void
}}

; Whether a call of XLA's interface went well; its error is given back.
define internal i1 @went.well(ptr %api, ptr %error) {{
start:
  %is.well = icmp eq ptr %error, null
  br i1 %is.well, label %out, label %bad
bad:
  %call = alloca {{ i64, ptr, ptr }}
  store {{ i64, ptr, ptr }} {{ i64 24, ptr null, ptr null }}, ptr %call
  %error.at = getelementptr {{ i64, ptr, ptr }}, ptr %call, i32 0, i32 2
  store ptr %error, ptr %error.at
  %destroy.at = getelementptr i8, ptr %api, i64 {XLA_FFI_Error_Destroy}
  %destroy = load ptr, ptr %destroy.at
  call void %destroy(ptr %call)
  br label %out
out:
  ret i1 %is.well
}}

define internal i64 @thread.count(ptr %api, ptr %context) {{
start:
  %count.at = alloca i64
  store i64 1, ptr %count.at
  %call = alloca {{ i64, ptr, ptr, ptr }}
  store {{ i64, ptr, ptr, ptr }} {{ i64 32, ptr null, ptr null, ptr null }}, ptr %call
  %context.at = getelementptr {{ i64, ptr, ptr, ptr }}, ptr %call, i32 0, i32 2
  store ptr %context, ptr %context.at
  %result.at = getelementptr {{ i64, ptr, ptr, ptr }}, ptr %call, i32 0, i32 3
  store ptr %count.at, ptr %result.at
  %ask.at = getelementptr i8, ptr %api, i64 {XLA_FFI_ThreadPool_NumThreads}
  %ask = load ptr, ptr %ask.at
  %error = call ptr %ask(ptr %call)
  %is.well = call i1 @went.well(ptr %api, ptr %error)
  %count = load i64, ptr %count.at
  %answer = select i1 %is.well, i64 %count, i64 1
  ret i64 %answer
}}

; Hands `help` to a thread of XLA's, and says whether it was taken.
define internal i1 @schedule(ptr %api, ptr %context, ptr %work) {{
start:
  %call = alloca {{ i64, ptr, ptr, ptr, ptr }}
  store {{ i64, ptr, ptr, ptr, ptr }} {{ i64 40, ptr null, ptr null, ptr @help, ptr null }},
    ptr %call
  %context.at = getelementptr {{ i64, ptr, ptr, ptr, ptr }}, ptr %call, i32 0, i32 2
  store ptr %context, ptr %context.at
  %work.at = getelementptr {{ i64, ptr, ptr, ptr, ptr }}, ptr %call, i32 0, i32 4
  store ptr %work, ptr %work.at
  %schedule.at = getelementptr i8, ptr %api, i64 {XLA_FFI_ThreadPool_Schedule}
  %schedule = load ptr, ptr %schedule.at
  %error = call ptr %schedule(ptr %call)
  %is.well = call i1 @went.well(ptr %api, ptr %error)
  ret i1 %is.well
}}

; Of one of a call's arguments or results: where its numbers are, and one of its dimensions.
define internal ptr @array(ptr %arrays, i64 %place) alwaysinline {{
start:
  %buffer.at = getelementptr ptr, ptr %arrays, i64 %place
  %buffer = load ptr, ptr %buffer.at
  %data.at = getelementptr i8, ptr %buffer, i64 24
  %data = load ptr, ptr %data.at
  ret ptr %data
}}

define internal i64 @dimension(ptr %arrays, i64 %place, i64 %axis) alwaysinline {{
start:
  %buffer.at = getelementptr ptr, ptr %arrays, i64 %place
  %buffer = load ptr, ptr %buffer.at
  %dimensions.at = getelementptr i8, ptr %buffer, i64 40
  %dimensions = load ptr, ptr %dimensions.at
  %size.at = getelementptr i64, ptr %dimensions, i64 %axis
  %size = load i64, ptr %size.at
  ret i64 %size
}}

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
  br i1 %is.any, label %share, label %nothing
nothing:
  ret ptr null
share:
  %threads = call i64 @thread.count(ptr %api, ptr %context)
  %wanted = mul i64 %threads, {each}
  %pieces = mul i64 %wanted, {grain}
  %pieces.most = add i64 %pieces, -1
  %count.more = add i64 %count, %pieces.most
  %grains = sdiv i64 %count.more, %pieces
  %size = mul i64 %grains, {grain}
  %size.most = add i64 %size, -1
  %count.filled = add i64 %count, %size.most
  %chunks = sdiv i64 %count.filled, %size
  %helpers.all = add i64 %threads, -1
  %others = add i64 %chunks, -1
  %are.few = icmp slt i64 %others, %helpers.all
  %helpers = select i1 %are.few, i64 %others, i64 %helpers.all
  %users = add i64 %helpers, 1
  %work = call ptr {malloc}(i64 64)
  %w0 = insertvalue %Work zeroinitializer, ptr %arguments, 0
  %w1 = insertvalue %Work %w0, ptr %results, 1
  %w2 = insertvalue %Work %w1, i64 %count, 2
  %w3 = insertvalue %Work %w2, i64 %size, 3
  %w4 = insertvalue %Work %w3, i64 %chunks, 4
  %w5 = insertvalue %Work %w4, i64 %users, 7
  store %Work %w5, ptr %work
  br label %ask

ask:
  %helper = phi i64 [ 0, %share ], [ %helper.next, %asks ]
  %asks.more = icmp slt i64 %helper, %helpers
  br i1 %asks.more, label %asks, label %join
asks:
  %is.taken = call i1 @schedule(ptr %api, ptr %context, ptr %work)
  %helper.next = add i64 %helper, 1
  br i1 %is.taken, label %ask, label %alone
alone: ; Those that were not asked will not look at it.
  %missing = sub i64 %helpers, %helper
  call void @leave(ptr %work, i64 %missing)
  br label %join

join:
  call void @work(ptr %work)
  %done.at = getelementptr %Work, ptr %work, i32 0, i32 6
  br label %wait
wait:
  %turn = phi i64 [ 0, %join ], [ %turn.next, %pause ], [ %turn.next, %give.way ]
  %done = load atomic i64, ptr %done.at acquire, align 8
  %is.done = icmp sge i64 %done, %chunks
  br i1 %is.done, label %out, label %still
still:
  %turn.next = add i64 %turn, 1
  %is.long = icmp sgt i64 %turn, 2000
  br i1 %is.long, label %give.way, label %pause
pause:
  call void @llvm.x86.sse2.pause()
  br label %wait
give.way: ; to a thread that may be what is waited for
  %ignored = call i32 {give_way}()
  br label %wait
out:
  call void @leave(ptr %work, i64 1)
  ret ptr null
}}
"""
