"""How work is cut for threads, and how machine code calls functions of C's."""

import ctypes
from typing import Any

CHUNKS_EACH = 4
"""Chunks of work for each thread, so that the others go on where one is held up."""

SIZE_CODE = f"""
; Threads take so many parts at a time, a multiple of the grain, but for the last ones.
define internal i64 @chunk.size(i64 %count, i64 %threads, i64 %grain) alwaysinline {{
start:
  %wanted = mul i64 %threads, {CHUNKS_EACH}
  %pieces = mul i64 %wanted, %grain
  %pieces.most = add i64 %pieces, -1
  %count.more = add i64 %count, %pieces.most
  %grains = sdiv i64 %count.more, %pieces
  %size = mul i64 %grains, %grain
  ret i64 %size
}}
"""


def address(function: Any) -> str:
    """A function of C's in LLVM's language."""
    return f"inttoptr (i64 {ctypes.cast(function, ctypes.c_void_p).value} to ptr)"
