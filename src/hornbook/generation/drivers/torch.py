"""torch: the steps as they are, without gradients, the cache updated where it is."""

from typing import Any

import torch

from hornbook.generation import step
from hornbook.generation.drivers.program import Program, Values
from hornbook.generation.state import Cache, GenerationState
from hornbook.samplers.rows import Rows


class TorchProgram(Program):
    """Runs generation eagerly; nothing is compiled."""

    chunk = 8

    @torch.no_grad()
    def prefill(self, prompts: Any, lengths: Any) -> tuple[Any, Any, Cache]:
        return step.prefill(self.model, prompts, lengths)

    @torch.no_grad()
    def begin(self, rows: Rows, logits: Any, hidden: Any, values: Values) -> Rows:
        return step.begin(self.sampler.with_traced_values(values), rows, logits, hidden)

    @torch.no_grad()
    def decode(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        sampler = self.sampler.with_traced_values(values)
        for _ in range(steps):
            state = step.decode(self.model, sampler, state)
            # Looking costs nothing on the CPU; on an accelerator it would wait for every token,
            # and a row that is done doesn't change, so it is looked at after the chunk.
            done = state.rows.done
            if done.device.type == "cpu" and bool(done.all()):
                break
        return state
