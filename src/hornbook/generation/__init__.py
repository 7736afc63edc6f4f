"""Generation: one engine for every decoder, backend and sampler.

`Engine` works on token ids; `generate_text` puts texts and chats around it. `Slots` run requests
that come one by one.
"""

from hornbook.generation.batch import GeneratedStep, Stopper
from hornbook.generation.engine import Engine, GenerationOutput
from hornbook.generation.progress import Progress
from hornbook.generation.request import Request
from hornbook.generation.slots import Slots
from hornbook.generation.state import GenerationState
from hornbook.generation.text import generate_text

__all__ = [
    "Engine",
    "GeneratedStep",
    "GenerationOutput",
    "GenerationState",
    "Progress",
    "Request",
    "Slots",
    "Stopper",
    "generate_text",
]
