"""What calls machine code from Python, sharing the work among the threads that torch has.

Those are OpenMP's, which wait awake for a while, as ours do; more threads than processors that wait
awake would hold each other up.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path

from hornbook.native.chunks import SIZE_CODE, address
from hornbook.native.compiler import compiled
from hornbook.native.operations import Operation
from hornbook.native.processor import Processor

AXES = 4
WORDS = 1 + AXES
"""An array is so many whole numbers: where it is, and its dimensions."""

LIBRARIES = ("libgomp*.so*", "libiomp5*.so*", "libomp*.so*")
"""OpenMP of GNU, Intel and LLVM; all have GNU's functions."""

Function = Callable[[ctypes.Array[ctypes.c_int64], ctypes.Array[ctypes.c_int64], int], None]


@cache
def torchs_openmp() -> str | None:
    """The library of OpenMP that torch has loaded, if that is how it shares work."""
    import torch

    if "parallel backend: OpenMP" not in torch.__config__.parallel_info():
        return None
    folder = Path(torch.__file__).parent / "lib"
    libraries = (library for name in LIBRARIES for library in folder.glob(name))
    return next((str(library) for library in libraries if _has_parallel(library)), None)


def _has_parallel(library: Path) -> bool:
    try:
        return bool(ctypes.CDLL(str(library)).GOMP_parallel)
    except (OSError, AttributeError):
        return False


def function_of(operation: Operation, processor: Processor, library: str) -> Function:
    """Compiles an operation; its arguments are the `words` of arrays, of results, and threads."""
    alone = "call void @run(ptr %arguments, ptr %results, i64 0, i64 %count)"
    shared = "call void @shared(ptr %arguments, ptr %results, i64 %count, i64 %threads)"
    parallel = address(ctypes.CDLL(library).GOMP_parallel)
    text = (
        operation.code
        + SIZE_CODE
        + _CODE.format(
            words=WORDS,
            work=shared if operation.is_shared else alone,
            grain=operation.grain,
            parallel=parallel,
        )
    )
    (place,) = compiled(text, ["handler"], processor)
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    function: Function = kind(place)
    return function


_CODE = """
define internal ptr @array(ptr %arrays, i64 %place) alwaysinline {{
start:
  %word = mul i64 %place, {words}
  %at = getelementptr ptr, ptr %arrays, i64 %word
  %data = load ptr, ptr %at
  ret ptr %data
}}

define internal i64 @dimension(ptr %arrays, i64 %place, i64 %axis) alwaysinline {{
start:
  %first = mul i64 %place, {words}
  %before = add i64 %first, 1
  %word = add i64 %before, %axis
  %at = getelementptr i64, ptr %arrays, i64 %word
  %size = load i64, ptr %at
  ret i64 %size
}}

; What the threads share: arguments results count size next.
%Job = type {{ ptr, ptr, i64, i64, i64 }}

define internal void @work(ptr %job.at) {{
start:
  %job = load %Job, ptr %job.at
  %arguments = extractvalue %Job %job, 0
  %results = extractvalue %Job %job, 1
  %count = extractvalue %Job %job, 2
  %size = extractvalue %Job %job, 3
  %next.at = getelementptr %Job, ptr %job.at, i32 0, i32 4
  br label %take
take:
  %first = atomicrmw add ptr %next.at, i64 %size seq_cst
  %is.one = icmp slt i64 %first, %count
  br i1 %is.one, label %run, label %out
run:
  %end = add i64 %first, %size
  %is.inside = icmp slt i64 %end, %count
  %last = select i1 %is.inside, i64 %end, i64 %count
  call void @run(ptr %arguments, ptr %results, i64 %first, i64 %last)
  br label %take
out:
  ret void
}}

define internal void @shared(ptr %arguments, ptr %results, i64 %count, i64 %threads) {{
start:
  %size = call i64 @chunk.size(i64 %count, i64 %threads, i64 {grain})
  %job.at = alloca %Job
  %j0 = insertvalue %Job zeroinitializer, ptr %arguments, 0
  %j1 = insertvalue %Job %j0, ptr %results, 1
  %j2 = insertvalue %Job %j1, i64 %count, 2
  %j3 = insertvalue %Job %j2, i64 %size, 3
  store %Job %j3, ptr %job.at
  %number = trunc i64 %threads to i32
  call void {parallel}(ptr @work, ptr %job.at, i32 %number, i32 0)
  ret void
}}

define void @handler(ptr %arguments, ptr %results, i64 %threads) {{
start:
  %count = call i64 @count(ptr %arguments)
  %is.any = icmp sgt i64 %count, 0
  br i1 %is.any, label %some, label %out
some:
  {work}
  br label %out
out:
  ret void
}}
"""
