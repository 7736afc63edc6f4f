"""What every driver does."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

from hornbook.generation.buckets import ACCELERATOR_ROOM, CACHE_ROOM
from hornbook.generation.language_model import LanguageModel
from hornbook.generation.paces import Paces
from hornbook.generation.state import Cache, GenerationState
from hornbook.samplers import Sampler
from hornbook.samplers.rows import Rows

Values = tuple[Any, ...]
"""The sampler's numbers that may change without a new compilation; see `Sampler.traced_values`."""
CPU_CHUNK, ACCELERATOR_CHUNK = 256, 2048


class Program(abc.ABC):
    """A model and a sampler, made ready to run on one backend.

    Args:
        model: the model.
        sampler: picks the tokens; its `traced` numbers come with every call instead.
        on_trace: called when the model is traced, which on a compiling backend means compiled.
    """

    chunk: ClassVar[int]
    """How many tokens a call of `decode` makes when nobody waits for each."""
    compiles: ClassVar[bool] = True
    """Whether each shape of a batch is compiled for."""

    def __init__(
        self, model: LanguageModel, sampler: Sampler, on_trace: Callable[[], None]
    ) -> None:
        self.model = model
        self.sampler = sampler
        self.variables = list(model.variables)
        self.on_trace = on_trace
        self.paces = Paces(self.compiles)

    @property
    def matrix_dtypes(self) -> set[str]:
        """The dtypes that the weights are held in, vectors left aside."""
        return {variable.dtype for variable in self.variables if len(variable.shape) > 1}

    def rows_projected(self, state: GenerationState) -> int:
        """How many tokens' logits a step computes."""
        return len(state.rows.done) * (1 + self.sampler.draft_tokens)

    @property
    def prompt_chunk(self) -> int:
        """How many tokens of a long prompt run at a time.

        On the CPU 256 tokens are as fast as any number; an accelerator reads its weights in the
        time of some 300 tokens' products, and is kept busy by more.
        """
        return CPU_CHUNK if self.on_cpu() else ACCELERATOR_CHUNK

    @property
    def cache_room(self) -> int:
        """How many tokens a new cache has room for beyond those that there are."""
        return CACHE_ROOM if self.on_cpu() else ACCELERATOR_ROOM

    @abc.abstractmethod
    def on_cpu(self) -> bool:
        """Whether the model runs on the CPU."""

    @abc.abstractmethod
    def prefill(self, prompts: Any, lengths: Any, slots: tuple[int, ...]) -> tuple[Any, Any, Cache]:
        """Runs `step.prefill`."""

    @abc.abstractmethod
    def extend(
        self, prompts: Any, lengths: Any, starts: Any, cache: Cache, logits: Any
    ) -> tuple[Any, Any, Cache]:
        """Runs `step.extend`. The cache that goes in must not be used again."""

    @abc.abstractmethod
    def begin(self, rows: Rows, logits: Any, hidden: Any, values: Values) -> Rows:
        """Runs `step.begin`."""

    @abc.abstractmethod
    def decode(self, state: GenerationState, steps: int, values: Values) -> GenerationState:
        """Runs `step.decode` up to `steps` times, or until all rows are done.

        The state that goes in must not be used again.
        """
