"""Recorded calls as graphs of CUDA: a step of some hundreds of kernels that is launched as one.

Launched one by one, small kernels take longer to launch than to run. A graph reads and writes
memory of its own: what it has made is lent, and until it comes back or is let go, no other state
gets that memory.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch

from hornbook.generation.drivers.torch_recording import Recording

MAX_GRAPHS = 32
"""Of batches of different sizes and capacities, and of those that run side by side."""

Work = Callable[[], None]
Capture = Callable[[Work], Work]
"""Gives what repeats the work; need not do it."""


def cuda_capture() -> Capture:
    """Captures what is launched on the current GPU. The graphs share what memory they need."""
    pool = torch.cuda.graph_pool_handle()

    def capture(work: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            work()
        replay: Work = graph.replay
        return replay

    return capture


class Graph:
    """Recorded calls that give new values to the first of their inputs.

    Args:
        recording: gives the new values of as many tensors, in the inputs' order; those that it
            writes into as they are.
        inputs: which belong to the graph from then on.
        changing: how many of them get new values.
        capture: makes what repeats the calls.
    """

    def __init__(
        self,
        recording: Recording,
        inputs: Sequence[torch.Tensor],
        changing: int,
        capture: Capture,
    ) -> None:
        self._memory = list(inputs)
        self._recording = recording
        self._changing = changing
        self._lent: list[weakref.ref[torch.Tensor]] = []
        self.replay = capture(self._step)
        """Takes a step."""

    def held(self, inputs: Sequence[torch.Tensor]) -> int | None:
        """How many of the inputs were lent by this graph; None if others hold what was."""
        lent = [reference() for reference in self._lent]
        if any(own is not None and own is not inputs[i] for i, own in enumerate(lent)):
            return None
        return sum(own is not None for own in lent)

    def load(self, inputs: Sequence[torch.Tensor]) -> None:
        """Copies the inputs, but for those that were lent."""
        lent = [*(reference() for reference in self._lent), *[None] * len(inputs)]
        given = [
            (own, self._apart(new))
            for own, new, same in zip(self._memory, inputs, lent, strict=False)
            if new is not same
        ]
        for own, new in given:
            own.copy_(new)

    def lend(self) -> list[torch.Tensor]:
        """What has changed, in the graph's own memory."""
        lent = [own.detach() for own in self._memory[: self._changing]]
        self._lent = [weakref.ref(tensor) for tensor in lent]
        return lent

    def _step(self) -> None:
        pairs = zip(self._memory, self._recording(self._memory), strict=False)
        changed = [(own, self._apart(new)) for own, new in pairs if new is not own]
        for own, new in changed:
            own.copy_(new)

    def _apart(self, tensor: torch.Tensor) -> torch.Tensor:
        """The same numbers, which stay as they are when the graph's memory is overwritten."""
        memory = {own.untyped_storage().data_ptr() for own in self._memory}
        return tensor.clone() if tensor.untyped_storage().data_ptr() in memory else tensor


class Graphs:
    """The graphs of recordings; those that were not used for long make room for others."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._graphs: dict[int, tuple[Any, Graph]] = {}
        self._count = 0

    def clear(self) -> None:
        """Forgets them all. What they have lent stays as it is."""
        self._graphs.clear()

    def loaded(
        self, key: Any, recording: Recording, inputs: Sequence[torch.Tensor], own: range
    ) -> Graph:
        """A graph of a recording that has these inputs in its memory.

        Args:
            key: of the recording and its inputs' shapes.
            recording: the calls.
            inputs: no longer the caller's.
            own: those, the last that the recording changes, which a new graph takes as its memory;
                it copies the others.
        """
        held = {
            number: graph.held(inputs)
            for number, (own_key, graph) in self._graphs.items()
            if own_key == key
        }
        ready = [number for number, count in held.items() if count is not None]
        if ready:
            number = max(ready, key=lambda number: held[number] or 0)
            entry = self._graphs[number] = self._graphs.pop(number)
            entry[1].load(inputs)
            return entry[1]
        memory = [x if i in own else x.clone() for i, x in enumerate(inputs)]
        self._count += 1
        self._graphs[self._count] = key, Graph(recording, memory, own.stop, self._capture)
        if len(self._graphs) > MAX_GRAPHS:
            del self._graphs[next(iter(self._graphs))]
        return self._graphs[self._count][1]
