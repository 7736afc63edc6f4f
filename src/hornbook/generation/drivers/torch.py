"""torch: the steps without gradients, recorded once and repeated; the cache updated where it is.

On a GPU of CUDA what was recorded is launched as one graph.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import ml_dtypes
import numpy as np
import optree
import torch

from hornbook.generation import step
from hornbook.generation.drivers.kernel_codes import Access, KernelCodes
from hornbook.generation.drivers.program import Program, Values
from hornbook.generation.drivers.torch_graphs import Graphs, cuda_capture
from hornbook.generation.drivers.torch_recording import NotRecordableError, Recorder, Recording
from hornbook.generation.state import Cache, GenerationState
from hornbook.layers.likeliest_product import Asked, Codes, only_likeliest
from hornbook.native.scope import machine_code
from hornbook.native.torch_calls import has_native_likeliest
from hornbook.samplers.rows import Rows

MAX_RECORDINGS = 32
"""Of batches of different sizes and capacities."""
RECORDED_TOKENS = 128
"""Longer prompts take so long that what Keras does between the calls is little beside it, and while
they are recorded, all that is computed on the way stays in memory."""


def _generating(method: Callable[..., Any]) -> Callable[..., Any]:
    """Without gradients, and with machine code."""

    @torch.no_grad()
    @wraps(method)
    def generating(*args: Any) -> Any:
        with machine_code():
            return method(*args)

    return generating


class TorchProgram(Program):
    """Runs generation eagerly; what comes again repeats the calls that its first run made.

    Samplers from elsewhere may do what no recording shows, such as drawing numbers of their own:
    they run as they are.
    """

    chunk = 8
    compiles = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._recordings: dict[Any, tuple[Recording, Any]] = {}
        self._weights: list[Any] = []
        access = Access(has_native_likeliest, _numbers, torch.from_numpy, _writes)
        self._codes = KernelCodes(self.model, self.sampler, access)
        self._recorded_codes: dict[int, Codes | None] = {}
        self._asked: Mapping[Any, Asked] = {}
        self._records, self._records_prompts = _is_own(self.sampler), True
        self._graphs = Graphs(cuda_capture()) if self._on("cuda") else None

    def on_cpu(self) -> bool:
        return self._on("cpu")

    def _on(self, kind: str) -> bool:
        return all(variable.value.device.type == kind for variable in self.variables)

    @_generating
    def prefill(self, prompts: Any, lengths: Any, slots: tuple[int, ...]) -> tuple[Any, Any, Cache]:
        if prompts.numel() > RECORDED_TOKENS or not self._records_prompts:
            return step.prefill(self.model, prompts, lengths, slots)
        self._forget_if_weights_changed()
        parts: tuple[Any, Any, Cache]
        inputs = [prompts, lengths]
        key = (slots, *_shapes(inputs))
        if key in self._recordings:
            recording, structure = self._recordings[key]
            parts = structure.unflatten(recording(inputs))
            return parts
        parts = self._recorded(
            key, inputs, lambda: step.prefill(self.model, prompts, lengths, slots)
        )
        self._records_prompts = key in self._recordings
        return parts

    @_generating
    def extend(
        self, prompts: Any, lengths: Any, starts: Any, cache: Cache, logits: Any
    ) -> tuple[Any, Any, Cache]:
        return step.extend(self.model, prompts, lengths, starts, cache, logits)

    @torch.no_grad()
    def begin(self, rows: Rows, logits: Any, hidden: Any, values: Values) -> Rows:
        return step.begin(self.sampler.with_traced_values(values), rows, logits, hidden)

    @_generating
    def decode(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        self._forget_if_weights_changed()
        self._take_codes(self.rows_projected(state))
        numbers: Any = values
        numbers = optree.tree_map(
            lambda number: torch.as_tensor(number, device=state.rows.done.device), numbers
        )
        if self._graphs is not None and self._records:
            return self._launch(state, steps, numbers)
        for _ in range(steps):
            state = self._step(state, numbers)
            # Looking costs nothing on the CPU; on an accelerator it would wait for every token,
            # and a row that is done doesn't change, so it is looked at after the chunk.
            done = state.rows.done
            if done.device.type == "cpu" and bool(done.all()):
                break
        return state

    def _launch(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        """Takes the steps; looks at none, as waiting for one takes longer than making it."""
        key, _ = _flattened(state, values)
        if steps and key not in self._recordings:
            state, steps = self._step(state, values), steps - 1
        if key not in self._recordings or not steps or self._graphs is None:
            for _ in range(steps):
                state = self._step(state, values)
            return state
        (recording, structure), (_, inputs) = self._recordings[key], _flattened(state, values)
        rows, cache = map(optree.tree_leaves, state.parts())
        own = range(len(rows), len(rows) + len(cache))
        try:
            graph = self._graphs.loaded(key, recording, inputs, own)
        except RuntimeError:  # some calls wait for the GPU, which no graph can
            self._graphs = None
            return self._launch(state, steps, values)
        for _ in range(steps):
            graph.replay()
        return GenerationState.from_parts(structure.unflatten(graph.lend()))

    def _step(self, state: GenerationState, values: Values) -> GenerationState:
        if not self._records:
            return self._decoded(state.parts(), values)
        key, inputs = _flattened(state, values)
        if key in self._recordings:
            recording, structure = self._recordings[key]
            return GenerationState.from_parts(structure.unflatten(recording(inputs)))
        parts = self._recorded(key, inputs, lambda: self._decoded(state.parts(), values).parts())
        self._records = key in self._recordings
        return GenerationState.from_parts(parts)

    def _recorded(self, key: Any, inputs: list[Any], work: Callable[[], Any]) -> Any:
        """What the work gives. It is recorded for the next time, if that can be done."""
        recorder = Recorder(inputs)
        try:
            with recorder:
                result = work()
        except NotRecordableError:
            return work()  # which writes the same into the cache again
        outputs: list[Any]
        outputs, structure = optree.tree_flatten(result)
        self._recordings[key] = (recorder.recording(outputs), structure)
        if len(self._recordings) > MAX_RECORDINGS:
            del self._recordings[next(iter(self._recordings))]
        return result

    def _decoded(self, parts: Any, values: Values) -> GenerationState:
        sampler = self.sampler.with_traced_values(values)
        with only_likeliest(self._asked):
            return step.decode(self.model, sampler, GenerationState.from_parts(parts))

    def _take_codes(self, rows: int) -> None:
        """Takes a vocabulary in 8 bits for steps of so many rows, as its kernel is now."""
        codes = self._codes.of(rows)
        if self._recorded_codes.setdefault(rows, codes) is not codes:
            self._recordings.clear()
            self._recorded_codes = {rows: codes}
        self._asked = self._codes.asked(codes)

    def _forget_if_weights_changed(self) -> None:
        """Recordings hold the tensors of weights, which a variable may exchange for others."""
        weights = [variable.value for variable in self.variables]
        if len(weights) != len(self._weights) or any(
            new is not old for new, old in zip(weights, self._weights, strict=True)
        ):
            self._recordings.clear()
            if self._graphs is not None:
                self._graphs.clear()
            self._weights = weights


def _flattened(state: GenerationState, values: Values) -> tuple[Any, list[Any]]:
    """What tells apart states that one recording can't serve, and the tensors of one."""
    tree: Any = (state.parts(), values)
    inputs: list[Any]
    inputs, structure = optree.tree_flatten(tree)
    return (structure, *_shapes(inputs)), inputs


def _shapes(tensors: list[Any]) -> list[Any]:
    return [(tensor.shape, tensor.dtype, tensor.device) for tensor in tensors]


def _numbers(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's own memory as an array."""
    if tensor.dtype == torch.bfloat16:
        return tensor.detach().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.detach().numpy()


def _writes(tensor: torch.Tensor) -> int:
    """How often it was written to, as far as torch counts."""
    return 0 if tensor.is_inference() else tensor._version


def _is_own(part: Any) -> bool:
    """Whether a sampler, and those and the transforms that it is made of, are all of hornbook."""
    parts = (getattr(part, "sampler", None), *getattr(part, "transforms", ()))
    if not type(part).__module__.startswith("hornbook."):
        return False
    return all(_is_own(inner) for inner in parts if inner is not None)
