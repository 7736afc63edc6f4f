"""Threads that share the work on machine code's calls, and wait awake for the next one.

A step of a decoder has some hundred calls, each of some ten microseconds, in which a thread that
slept would come too late. So these threads look for work for a while after each call, and sleep
only then. They take the work in chunks, so that a call never waits for a thread that isn't there;
one that comes while another call has them is done by its own thread alone.
"""

import ctypes
import os
import signal
from functools import cache
from typing import Any

from hornbook.native.compiler import compiled
from hornbook.native.processor import this_processor

CHUNKS_EACH = 4
"""Chunks of work for each thread, so that the others go on where one is held up."""
TURNS_AWAKE = 2000
"""So many times a thread looks for work before it sleeps; it is some 50 microseconds."""


@cache
def share_address() -> int:
    """The address of `void share(ptr run, ptr arguments, ptr results, i64 count, i64 grain)`.

    It does the `count` parts of some work on all threads: `void run(ptr arguments, ptr results, i64
    first, i64 last)` does some of them. Threads take a multiple of `grain` parts at a time, but for
    the last ones.
    """
    processor = this_processor()
    if processor is None:
        raise RuntimeError("There is no machine code for this processor, or no llvmlite.")
    threads = thread_count()
    code = _CODE.format(
        pieces=threads * CHUNKS_EACH,
        turns=TURNS_AWAKE,
        give_way=address(ctypes.CDLL(None).sched_yield),
        system_call=address(ctypes.CDLL(None).syscall),
    )
    share, helper = compiled(code, ("share", "helper"), processor)
    for _ in range(threads - 1):
        _start(helper)
    return share


def thread_count() -> int:
    """As many as there are processors for this process, or what NPROC says, as for XLA's own."""
    wanted = os.environ.get("NPROC", "")
    return int(wanted) if wanted.isdigit() and int(wanted) else len(os.sched_getaffinity(0))


def address(function: Any) -> str:
    """A function of C's in LLVM's language."""
    return f"inttoptr (i64 {ctypes.cast(function, ctypes.c_void_p).value} to ptr)"


def _start(function: int) -> None:
    """Starts a thread that Python doesn't know of, and that no signal interrupts.

    It ends with the process. Where the system has no more threads the others do the work.
    """
    create = ctypes.CDLL(None).pthread_create
    create.argtypes = [ctypes.c_void_p] * 4
    thread = ctypes.c_size_t()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        create(ctypes.addressof(thread), None, function, None)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_CODE = """
declare void @llvm.x86.sse2.pause()

; The number of the call in the upper half, and how many of its chunks nobody has taken.
@state = internal global i64 0, align 64
; The chunks that are finished.
@done = internal global i64 0, align 64
; Grows with each call; who sleeps waits for that.
@calls = internal global i32 0, align 64
@sleepers = internal global i32 0, align 64
; Whether a call has the threads.
@taken = internal global i8 0, align 64
; run arguments results count size chunks; it stays the same while a chunk isn't finished.
%Job = type {{ ptr, ptr, ptr, i64, i64, i64 }}
@job = internal global %Job zeroinitializer, align 64

; Takes chunks until none is left.
define internal void @work() {{
start:
  br label %look
look:
  %state = load atomic i64, ptr @state seq_cst, align 8
  br label %try
try:
  %seen = phi i64 [ %state, %look ], [ %now, %take ]
  %left = and i64 %seen, 4294967295
  %is.any = icmp ne i64 %left, 0
  br i1 %is.any, label %take, label %out
take:
  %less = sub i64 %seen, 1
  %pair = cmpxchg ptr @state, i64 %seen, i64 %less seq_cst seq_cst
  %now = extractvalue {{ i64, i1 }} %pair, 0
  %is.mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %is.mine, label %run, label %try
run:
  %job = load %Job, ptr @job
  %function = extractvalue %Job %job, 0
  %arguments = extractvalue %Job %job, 1
  %results = extractvalue %Job %job, 2
  %count = extractvalue %Job %job, 3
  %size = extractvalue %Job %job, 4
  %chunks = extractvalue %Job %job, 5
  %chunk = sub i64 %chunks, %left
  %first = mul i64 %chunk, %size
  %end = add i64 %first, %size
  %is.inside = icmp slt i64 %end, %count
  %last = select i1 %is.inside, i64 %end, i64 %count
  call void %function(ptr %arguments, ptr %results, i64 %first, i64 %last)
  %counted = atomicrmw add ptr @done, i64 1 seq_cst
  br label %look
out:
  ret void
}}

define void @share(ptr %run, ptr %arguments, ptr %results, i64 %count, i64 %grain) {{
start:
  %pieces = mul i64 {pieces}, %grain
  %pieces.most = add i64 %pieces, -1
  %count.more = add i64 %count, %pieces.most
  %grains = sdiv i64 %count.more, %pieces
  %size = mul i64 %grains, %grain
  %size.most = add i64 %size, -1
  %count.filled = add i64 %count, %size.most
  %chunks = sdiv i64 %count.filled, %size
  %is.one = icmp sle i64 %chunks, 1
  br i1 %is.one, label %alone, label %ask
ask:
  %was.taken = atomicrmw xchg ptr @taken, i8 1 seq_cst
  %is.free = icmp eq i8 %was.taken, 0
  br i1 %is.free, label %together, label %alone
alone:
  call void %run(ptr %arguments, ptr %results, i64 0, i64 %count)
  ret void

together:
  %j0 = insertvalue %Job zeroinitializer, ptr %run, 0
  %j1 = insertvalue %Job %j0, ptr %arguments, 1
  %j2 = insertvalue %Job %j1, ptr %results, 2
  %j3 = insertvalue %Job %j2, i64 %count, 3
  %j4 = insertvalue %Job %j3, i64 %size, 4
  %j5 = insertvalue %Job %j4, i64 %chunks, 5
  store %Job %j5, ptr @job
  store atomic i64 0, ptr @done seq_cst, align 8
  %before = load atomic i64, ptr @state seq_cst, align 8
  %next = add i64 %before, 4294967296
  %begun = or i64 %next, %chunks
  store atomic i64 %begun, ptr @state seq_cst, align 8
  %calls = atomicrmw add ptr @calls, i32 1 seq_cst
  %sleepers = load atomic i32, ptr @sleepers seq_cst, align 4
  %is.nobody = icmp eq i32 %sleepers, 0
  br i1 %is.nobody, label %join, label %wake
wake:
  %woken = call i64 (i64, ...) {system_call}(
    i64 202, ptr @calls, i32 129, i32 2147483647, ptr null, ptr null, i32 0)
  br label %join
join:
  call void @work()
  br label %wait
wait:
  %turn = phi i64 [ 0, %join ], [ %turn.next, %pause ], [ %turn.next, %give.way ]
  %done = load atomic i64, ptr @done seq_cst, align 8
  %is.done = icmp eq i64 %done, %chunks
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
  store atomic i8 0, ptr @taken seq_cst, align 1
  ret void
}}

define ptr @helper(ptr %nothing) {{
start:
  br label %begin
begin:
  %calls = load atomic i32, ptr @calls seq_cst, align 4
  call void @work()
  br label %look
look:
  %turn = phi i64 [ 0, %begin ], [ %turn.next, %pause ], [ %turn.next, %give.way ]
  %now = load atomic i32, ptr @calls seq_cst, align 4
  %is.same = icmp eq i32 %now, %calls
  br i1 %is.same, label %still, label %begin
still:
  %turn.next = add i64 %turn, 1
  %is.long = icmp sgt i64 %turn, {turns}
  br i1 %is.long, label %sleep, label %awake
awake:
  %part = and i64 %turn, 63
  %is.turn = icmp eq i64 %part, 63
  br i1 %is.turn, label %give.way, label %pause
give.way:
  %ignored = call i32 {give_way}()
  br label %look
pause:
  call void @llvm.x86.sse2.pause()
  br label %look
sleep:
  %more = atomicrmw add ptr @sleepers, i32 1 seq_cst
  %slept = call i64 (i64, ...) {system_call}(
    i64 202, ptr @calls, i32 128, i32 %calls, ptr null, ptr null, i32 0)
  %less = atomicrmw sub ptr @sleepers, i32 1 seq_cst
  br label %begin
}}
"""
