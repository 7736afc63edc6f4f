"""Models, tokenizers and preprocessors of every family, and the classes that load any of them.

The families' classes (`LlamaBackbone`, `GPT2CausalLM`, `BertTokenizer`, ...) are there because the
families are registered.
"""

from typing import Any

from hornbook.backend import require

require()

from hornbook.backbones.backbone import Backbone  # noqa: E402 - Keras needs its backend first
from hornbook.families.classes import public_classes  # noqa: E402
from hornbook.preprocessing import (  # noqa: E402
    CausalLMPreprocessor,
    DecoderPreprocessor,
    EncoderPreprocessor,
)
from hornbook.tasks import CausalLM, Task, TextEmbedder  # noqa: E402
from hornbook.tokenizers import Tokenizer  # noqa: E402
from hornbook.training.next_token_model import NextTokenModel  # noqa: E402

__all__ = [
    "Backbone",
    "CausalLM",
    "CausalLMPreprocessor",
    "DecoderPreprocessor",
    "EncoderPreprocessor",
    "NextTokenModel",
    "Task",
    "TextEmbedder",
    "Tokenizer",
]


def __getattr__(name: str) -> Any:
    if name in public_classes():
        return public_classes()[name]
    raise AttributeError(f"module 'hornbook.models' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, *public_classes()])
