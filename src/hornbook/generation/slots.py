"""Slots: places in one running batch, each free again as soon as its request is done."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from keras import ops

from hornbook.errors import GenerationError
from hornbook.generation.buckets import cache_bucket
from hornbook.generation.draft_gain import LOOK_STEPS, DraftGain
from hornbook.generation.drivers.program import Program
from hornbook.generation.insertion import gather, insert
from hornbook.generation.occupancy import Occupancy
from hornbook.generation.paces import Shape, fitting_widths
from hornbook.generation.prefill import run_prompts
from hornbook.generation.progress import Progress
from hornbook.generation.request import Request, stacked_uniforms
from hornbook.generation.restarts import Restarts
from hornbook.generation.speculation import SpeculativeSampler
from hornbook.generation.state import GenerationState, resize, resize_cache, take_rows
from hornbook.samplers import Sampler
from hornbook.samplers.rows import Results, Rows, fit

REFILL_STEPS = 8
"""While requests wait, it is looked this often for slots that have become free."""


@dataclass(frozen=True)
class Run:
    """Steps to be taken."""

    sampler: Sampler
    program: Program
    steps: int
    guessing: bool


class Slots:
    """Runs requests in a batch of up to some size, and takes new ones in while others run.

    A request that is done makes room at once for the next one that waits: its prompt is run by
    itself, in its own bucket, and written over what stood in the slot. So programs are compiled
    for the number of slots and for single prompts, however many requests come. While nobody waits,
    the batch leaves out slots that are free, where half of them or more are and the backend can run
    the smaller batch at once, or enough is left to do to compile for it. A request's tokens depend
    neither on its slot nor on its neighbours, for it brings its own random numbers.

    `Engine.slots` makes them.

    Args:
        size: how many requests run at a time.
        sampler: picks the tokens of all of them.
        stop_token_ids: int32 [any]; a request is done after making one of these.
        model_limit: the positions that the model has.
        runner: runs the prompts.
        make_program: gives what makes the tokens, with a sampler.
        prompt_chunk: how many tokens of a long prompt run at a time; None leaves it to the backend.
        restart_lengths: a row that becomes longer than one of these is computed anew.

    Example:
        >>> from hornbook.generation import Engine, Request
        >>> from hornbook.models import GPT2Backbone, GPT2CausalLM
        >>> model = GPT2CausalLM(
        ...     GPT2Backbone(vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8)
        ... )
        >>> slots = Engine(model).slots(2)
        >>> for length in (3, 4, 5):
        ...     slots.submit(Request(np.arange(length), limit=2 * length))
        >>> done = []
        >>> while slots.busy:
        ...     done += [len(p.request.token_ids) for p in slots.step(1) if p.done]
        >>> done
        [3, 4, 5]
    """

    def __init__(
        self,
        size: int,
        sampler: Sampler,
        stop_token_ids: np.ndarray,
        model_limit: int,
        runner: Program,
        make_program: Callable[[Sampler], Program],
        prompt_chunk: int | None = None,
        restart_lengths: tuple[int, ...] = (),
    ) -> None:
        self.size = size
        self._sampler = sampler
        self._stop_token_ids = stop_token_ids
        self._model_limit = model_limit
        self._runner = runner
        self._program = make_program(sampler)
        self._make_program = make_program
        self._prompt_chunk = prompt_chunk
        self._restarts = Restarts(restart_lengths, lambda *rows: self._run_prompts(*rows)[2])
        self._waiting: deque[Request] = deque()
        self._slots = Occupancy(size)
        self._state: GenerationState | None = None
        self._shapes: set[Shape] = set()
        self._gain: DraftGain | None = None
        if isinstance(sampler, SpeculativeSampler):
            self._gain = DraftGain(sampler.draft, sampler.draft_tokens, size)

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits."""
        return bool(self._waiting) or bool(self._slots.used)

    @cached_property
    def _without_draft(self) -> tuple[Sampler, Program]:
        assert isinstance(self._sampler, SpeculativeSampler)
        sampler = self._sampler.without_draft()
        return sampler, self._make_program(sampler)

    def submit(self, request: Request) -> None:
        """Lets a request wait for a slot.

        Raises:
            GenerationError: when it leaves no token to be made, or asks for more than the model's
                positions.
        """
        length = len(request.token_ids)
        if not 1 <= length < request.limit <= self._model_limit:
            raise GenerationError(
                f"The prompt has {length} tokens and the limit is {request.limit}; expected at "
                f"least one token, and a limit above that, up to the model's {self._model_limit} "
                "positions"
            )
        self._waiting.append(request)

    def cancel(self, request: Request) -> None:
        """Ends a request where it is; one that is done or unknown is left alone."""
        if request in self._waiting:
            self._waiting.remove(request)
        elif request in self._slots.requests:
            self._release([self._slots.requests.index(request)])

    def step(self, steps: int | None = None) -> list[Progress]:
        """Fills the free slots if requests wait, else makes tokens.

        Args:
            steps: how many tokens a row may get at most; None leaves it to the backend.

        Returns:
            What became of each request that was in a slot and got tokens or ended.
        """
        if not self.busy:
            return []
        if self._waiting and len(self._slots.used) < self.size:
            self._fill()
            return self._collect()
        run = self._prepare(steps)
        assert self._state is not None
        shape, start = (self._slots.size, self._state.capacity), time.perf_counter()
        self._state = run.program.decode(self._state, run.steps, run.sampler.traced_values())
        progress = self._collect()
        seconds = time.perf_counter() - start
        run.program.paces.clock(shape, seconds, run.steps)
        if self._gain is not None:
            self._gain.clock(shape, run.guessing, seconds / run.steps)
        return progress

    def _fill(self) -> None:
        """Gives the free slots requests: all of them at once if none is in use, else one by one."""
        if self._state is None and len(self._waiting) >= self.size:
            self._slots = Occupancy(self.size)
            requests = [self._occupy(slot) for slot in range(self.size)]
            self._state = self._widened(self._start(requests, self._room()))
            return
        self._make_slots()
        for slot in self._slots.free[: len(self._waiting)]:
            self._place(self._occupy(slot), slot)

    def _make_slots(self) -> None:
        """Makes the batch as large as those who wait need it, which may have become smaller."""
        slots, paces = self._slots, self._program.paces
        count = min(len(slots.used) + len(self._waiting), self.size)
        if self._state is None:
            longest = max(self._waiting, key=lambda request: len(request.token_ids))
            room = self._room_for(len(longest.token_ids), longest.limit)
            self._slots = Occupancy(paces.first_width(count, self.size, room))
        elif count > slots.size:
            size = paces.first_width(count, self.size, self._state.capacity)
            self._regroup([*range(slots.size), *[0] * (size - slots.size)])

    def _occupy(self, slot: int) -> Request:
        request = self._waiting.popleft()
        self._slots.enter(slot, request)
        if self._gain is not None:
            self._gain.enter(slot, len(request.token_ids))
        return request

    def _place(self, request: Request, slot: int) -> None:
        if self._state is None:
            # The other slots get copies of the row, and don't go on with them.
            new, size = self._widened(self._start([request], self._room())), self._slots.size
            self._state = gather(new, [0] * size, 1)
            self._release(self._slots.free)
            return
        self._make_room()
        new = self._start([request], self._state.capacity)
        self._state = insert(self._state, new, slot)

    def _regroup(self, slots: Sequence[int]) -> None:
        """Makes slot `slots[i]` slot i; one that is named again leaves a free one there."""
        assert self._state is not None
        self._state = gather(self._state, slots, self._slots.size)
        self._slots.regroup(slots)
        if self._gain is not None:
            self._gain.regroup(slots)
        if len(set(slots)) < len(slots):
            self._release(self._slots.free)

    def _start(self, requests: Sequence[Request], capacity: int) -> GenerationState:
        """Runs prompts and lets the sampler take its first step; the cache has room for no more."""
        times = self._sampler.rows_per_prompt
        lengths = np.array([len(request.token_ids) for request in requests], np.int32)
        prompts = np.zeros((len(requests), capacity), np.int32)
        for row, request in zip(prompts, requests, strict=True):
            row[: len(request.token_ids)] = request.token_ids
        logits, hidden, cache = self._run_prompts(prompts, lengths)

        def repeated(table: Any) -> Any:
            return ops.convert_to_tensor(np.repeat(np.asarray(table), times, axis=0))

        rows = Rows(
            tokens=repeated(prompts),
            newest=repeated(prompts[np.arange(len(requests)), lengths - 1]),
            starts=repeated(lengths),
            lengths=repeated(lengths),
            limits=repeated(np.array([request.limit for request in requests], np.int32)),
            done=repeated(np.zeros(len(requests), bool)),
            uniforms=self._uniforms(requests, capacity),
            stop_token_ids=repeated(np.tile(self._stop_token_ids, (len(requests), 1))),
        )
        hidden = None if hidden is None else fit(hidden, capacity, 1)
        rows = self._program.begin(rows, logits, hidden, self._sampler.traced_values())
        if times > 1:
            cache = take_rows(cache, repeated(np.arange(len(requests), dtype="int32")))
        return GenerationState(rows, cache)

    def _run_prompts(self, prompts: np.ndarray, lengths: np.ndarray) -> tuple[Any, Any, Any]:
        return run_prompts(
            self._runner, prompts, lengths, maximum=self._model_limit,
            chunk=self._prompt_chunk or self._runner.prompt_chunk,
            ahead=self._sampler.draft_tokens, keeps_hidden=self._sampler.looks_ahead,
        )  # fmt: skip

    def _prepare(self, steps: int | None) -> Run:
        """Makes the batch ready for its next steps, and says what they are."""
        state, slots = self._restarted(self._make_room()), self._slots
        sampler, program = self._sampler, self._program
        lengths = slots.lengths[slots.used]
        longest, left = int(lengths.max()), slots.limits - lengths
        guessing = self._gain is not None and self._gain.is_worth(slots.used)
        # The model's last places may be too few for guesses.
        guessing = guessing and longest + sampler.draft_tokens < state.capacity
        next_lengths = lengths + sampler.looks_ahead
        near = self._restarts.steps(next_lengths, sampler.draft_tokens)
        guessing = guessing and (near is None or near > 0)
        if self._gain is not None and not guessing:
            sampler, program = self._without_draft
        most = 1 + sampler.draft_tokens  # a step's tokens
        steps = min(steps or program.chunk, int(left.max()))
        if self._waiting:
            steps = min(steps, REFILL_STEPS, -(-int(left.min()) // most))
        else:
            self._narrow(program, -(-int(left.max()) // most))
            leaving = len(left) - max(fitting_widths(1, len(left)), default=1)
            steps = min(steps, -(-int(np.sort(left)[leaving - 1]) // most))
        steps = min(steps, (state.capacity - longest) // most)
        near = self._restarts.steps(next_lengths, sampler.draft_tokens)
        steps = steps if near is None else min(steps, near)
        if self._gain is not None and self._gain.chooses:
            steps = min(steps, LOOK_STEPS)
        return Run(sampler, program, steps, guessing)

    def _narrow(self, program: Program, steps: int) -> None:
        """Leaves free slots out where nobody waits for them and those in use need fewer."""
        assert self._state is not None
        slots = self._slots
        shape = slots.size, self._state.capacity
        size = program.paces.width(len(slots.used), shape, steps)
        if size < slots.size:
            self._regroup(sorted([*slots.used, *slots.free][:size]))

    def _restarted(self, state: GenerationState) -> GenerationState:
        """The state with those rows computed anew whose next token makes them long."""
        slots = self._slots
        for slot in slots.used:
            length = int(slots.lengths[slot]) + self._sampler.looks_ahead
            if self._restarts.crossed(length):
                state = self._state = self._restarts.restart(state, slot, slots.size, length)
        return state

    def _collect(self) -> list[Progress]:
        """Reads what the device has made, and frees the slots of what is done."""
        assert self._state is not None
        rows, slots = self._state.rows, self._slots
        shape = slots.size, self._sampler.rows_per_prompt
        results = Results(*map(_as_numpy, self._sampler.results(rows)))
        done = _as_numpy(rows.done).reshape(shape).all(axis=1)
        lengths = _as_numpy(rows.lengths).reshape(shape).max(axis=1)
        progress = []
        for slot in slots.used:
            own = Results(*(None if table is None else table[slot] for table in results))
            start, is_done = int(slots.starts[slot]), bool(done[slot])
            progress.append(Progress(slots.request(slot), start, own, is_done))
            slots.starts[slot], slots.lengths[slot] = np.max(own.lengths), lengths[slot]
            if self._gain is not None:
                self._gain.look(slot, own.tokens, int(lengths[slot]))
            if is_done:
                slots.leave(slot)
        self._forget_if_empty()
        return progress

    def _release(self, slots: list[int]) -> None:
        """Empties slots whose rows aren't done, and tells the device, which would go on."""
        for slot in slots:
            self._slots.leave(slot)
        if self._state is not None:
            released = np.isin(np.arange(self._slots.size), slots)
            released = np.repeat(released, self._sampler.rows_per_prompt)
            rows = self._state.rows
            done = ops.logical_or(rows.done, ops.convert_to_tensor(released))
            self._state = replace(self._state, rows=replace(rows, done=done))
        self._forget_if_empty()

    def _forget_if_empty(self) -> None:
        # An empty batch has nothing to keep, and the next one may begin with a smaller cache.
        if not self._slots.used:
            self._state = None

    def _uniforms(self, requests: Sequence[Request | None], capacity: int) -> Any:
        times, each = self._sampler.rows_per_prompt, self._sampler.uniforms_per_token
        return ops.convert_to_tensor(stacked_uniforms(requests, times, each, capacity))

    def _room(self) -> int:
        """The places for the rows in the slots, with some for their tokens to come."""
        return self._room_for(self._slots.longest, int(self._slots.limits.max()))

    def _room_for(self, length: int, limit: int) -> int:
        ahead = self._sampler.draft_tokens
        room = self._program.cache_room
        return cache_bucket(length + ahead, limit + ahead, self._model_limit, room)

    def _make_room(self) -> GenerationState:
        """Makes the running batch's cache larger if a row has no place for its next tokens.

        It becomes smaller where that more than halves what attention reads, to a size that such a
        batch had before, so that nothing is compiled for it.
        """
        state, slots = self._state, self._slots
        assert state is not None
        room = self._room()
        if slots.longest + self._sampler.draft_tokens >= state.capacity < self._model_limit:
            capacity = room
        else:
            had = (capacity for size, capacity in self._shapes if size == slots.size)
            enough = (size for size in had if room <= size <= state.capacity // 2)
            capacity = min(enough, default=state.capacity)
        if capacity != state.capacity:
            uniforms = self._uniforms(slots.requests, capacity)
            places = self._cache_slots(capacity)
            state = self._state = resize(state, self._sampler, capacity, uniforms, places)
        self._shapes.add((slots.size, capacity))
        return state

    def _widened(self, state: GenerationState) -> GenerationState:
        slots = self._cache_slots(state.capacity)
        return replace(state, cache=resize_cache(state.cache, slots))

    def _cache_slots(self, capacity: int) -> tuple[int, ...]:
        backbone = self._runner.model.backbone
        slots: tuple[int, ...] = backbone.cache_slots(capacity, self._sampler.draft_tokens)
        return slots


def _as_numpy(tensor: Any) -> Any:
    # A copy: the backend may use the tensor's memory again.
    return None if tensor is None else np.array(ops.convert_to_numpy(tensor))
