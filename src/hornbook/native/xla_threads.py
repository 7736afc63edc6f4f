"""XLA's own threads, which share the work on a call and wait awake for the next one.

A step of a single row has some hundred calls of some ten microseconds each, for which a thread
that is woken comes late. So a thread that has helped may look for work for a while before it goes
back to XLA. With more rows XLA shares out work of its own between the calls, and needs it at once.
The work is taken in chunks, so that a call never waits for a thread that isn't there; one that
comes while another call has the threads is done by its own thread alone.
"""

import ctypes
from functools import cache

from hornbook.native.chunks import SIZE_CODE, address
from hornbook.native.compiler import compiled
from hornbook.native.processor import this_processor

TURNS_AWAKE = 2000
"""So many times a thread looks for work before it goes; it is some 50 microseconds."""


Offsets = tuple[tuple[str, int], ...]


@cache
def share_address(offsets: Offsets) -> int:
    """The address of a function that does the parts of some work on all threads.

    It is `void share(ptr api, ptr context, ptr run, ptr arguments, ptr results, i64 count, i64
    grain, i64 turns)`, where `void run(ptr arguments, ptr results, i64 first, i64 last)` does some
    of the `count` parts. Threads take a multiple of `grain` parts at a time, but for the last ones,
    and look for more for so many `turns`.

    Args:
        offsets: of the functions in XLA's structure XLA_FFI_Api, by their names.
    """
    processor = this_processor()
    if processor is None:
        raise RuntimeError("There is no machine code for this processor, or no llvmlite.")
    give_way = address(ctypes.CDLL(None).sched_yield)
    code = SIZE_CODE + _CODE.format(give_way=give_way, **dict(offsets))
    (share,) = compiled(code, ["share"], processor)
    return share


_CODE = """
declare void @llvm.x86.sse2.pause()

; The number of the call in the upper half, and how many of its chunks nobody has taken.
@state = internal global i64 0, align 64
; The chunks that are finished.
@done = internal global i64 0, align 64
; The threads of XLA's that are here, and for how many turns they look for more.
@helpers = internal global i64 0, align 64
@turns = internal global i64 0, align 64
; Whether a call has the threads.
@taken = internal global i8 0, align 64
; run arguments results count size chunks; it stays the same while a chunk isn't finished.
%Job = type {{ ptr, ptr, ptr, i64, i64, i64 }}
@job = internal global %Job zeroinitializer, align 64

; Whether there is a chunk that nobody has taken.
define internal i1 @is.work() {{
start:
  %state = load atomic i64, ptr @state seq_cst, align 8
  %left = and i64 %state, 4294967295
  %is.any = icmp ne i64 %left, 0
  ret i1 %is.any
}}

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
define internal i1 @schedule(ptr %api, ptr %context) {{
start:
  %call = alloca {{ i64, ptr, ptr, ptr, ptr }}
  store {{ i64, ptr, ptr, ptr, ptr }} {{ i64 40, ptr null, ptr null, ptr @help, ptr null }},
    ptr %call
  %context.at = getelementptr {{ i64, ptr, ptr, ptr, ptr }}, ptr %call, i32 0, i32 2
  store ptr %context, ptr %context.at
  %schedule.at = getelementptr i8, ptr %api, i64 {XLA_FFI_ThreadPool_Schedule}
  %schedule = load ptr, ptr %schedule.at
  %error = call ptr %schedule(ptr %call)
  %is.well = call i1 @went.well(ptr %api, ptr %error)
  ret i1 %is.well
}}

define void @share(
  ptr %api, ptr %context, ptr %run, ptr %arguments, ptr %results, i64 %count, i64 %grain, i64 %turns
) {{
start:
  %threads = call i64 @thread.count(ptr %api, ptr %context)
  %size = call i64 @chunk.size(i64 %count, i64 %threads, i64 %grain)
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
  store atomic i64 %turns, ptr @turns seq_cst, align 8
  %others = add i64 %chunks, -1
  %helpers.all = add i64 %threads, -1
  %are.few = icmp slt i64 %others, %helpers.all
  %wanted = select i1 %are.few, i64 %others, i64 %helpers.all
  br label %look
look:
  %helpers = load atomic i64, ptr @helpers seq_cst, align 8
  %is.enough = icmp sge i64 %helpers, %wanted
  br i1 %is.enough, label %join, label %call
call:
  %more = atomicrmw add ptr @helpers, i64 1 seq_cst
  %is.coming = call i1 @schedule(ptr %api, ptr %context)
  br i1 %is.coming, label %look, label %missing
missing:
  %less = atomicrmw sub ptr @helpers, i64 1 seq_cst
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

; What a thread of XLA's does here.
define internal void @help(ptr %nothing) {{
start:
  br label %begin
begin:
  call void @work()
  %turns = load atomic i64, ptr @turns seq_cst, align 8
  br label %look
look:
  %turn = phi i64 [ 0, %begin ], [ %turn.next, %pause ], [ %turn.next, %give.way ]
  %is.over = icmp sge i64 %turn, %turns
  br i1 %is.over, label %leave, label %still
still:
  %turn.next = add i64 %turn, 1
  %is.work = call i1 @is.work()
  br i1 %is.work, label %begin, label %awake
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
leave:
  %less = atomicrmw sub ptr @helpers, i64 1 seq_cst
  %is.more = call i1 @is.work() ; of a call that took this thread for one that is here
  br i1 %is.more, label %stay, label %out
stay:
  %more = atomicrmw add ptr @helpers, i64 1 seq_cst
  br label %begin
out:
  ret void
}}
"""
