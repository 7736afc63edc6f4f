"""Generation: one engine for every decoder, backend and sampler."""

from hornbook.generation.engine import Engine, GeneratedStep, GenerationOutput
from hornbook.generation.state import GenerationState

__all__ = ["Engine", "GeneratedStep", "GenerationOutput", "GenerationState"]
