"""Generation: one engine for every decoder, backend and sampler.

`Engine` works on token ids; `generate_text` puts texts and chats around it.
"""

from hornbook.generation.engine import Engine, GeneratedStep, GenerationOutput
from hornbook.generation.state import GenerationState
from hornbook.generation.text import generate_text

__all__ = ["Engine", "GeneratedStep", "GenerationOutput", "GenerationState", "generate_text"]
