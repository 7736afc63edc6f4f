"""Models, tokenizers and preprocessors of every family, and the classes that load any of them.

The families' classes (`LlamaBackbone`, `GPT2CausalLM`, `BertTokenizer`, ...) are there because the
families are registered, and KerasNLP's names for them lead to them (`BertClassifier` is
`BertTextClassifier`).
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
    MaskedLMAndNextSentencePreprocessor,
    MaskedLMPreprocessor,
    MultipleChoicePreprocessor,
    NextSentencePreprocessor,
    QuestionAnsweringPreprocessor,
    ReplacedTokenPreprocessor,
    TokenClassifierPreprocessor,
)
from hornbook.tasks import (  # noqa: E402
    CausalLM,
    MaskedLM,
    MaskedLMAndNextSentence,
    MultipleChoice,
    NextSentencePredictor,
    QuestionAnswering,
    ReplacedTokenDetector,
    Task,
    TextClassifier,
    TextEmbedder,
    TokenClassifier,
)
from hornbook.tokenizers import Tokenizer  # noqa: E402
from hornbook.training.next_token_model import NextTokenModel  # noqa: E402

__all__ = [
    "Backbone",
    "CausalLM",
    "CausalLMPreprocessor",
    "DecoderPreprocessor",
    "EncoderPreprocessor",
    "MaskedLM",
    "MaskedLMAndNextSentence",
    "MaskedLMAndNextSentencePreprocessor",
    "MaskedLMPreprocessor",
    "MultipleChoice",
    "MultipleChoicePreprocessor",
    "NextSentencePredictor",
    "NextSentencePreprocessor",
    "NextTokenModel",
    "QuestionAnswering",
    "QuestionAnsweringPreprocessor",
    "ReplacedTokenDetector",
    "ReplacedTokenPreprocessor",
    "Task",
    "TextClassifier",
    "TextEmbedder",
    "TokenClassifier",
    "TokenClassifierPreprocessor",
    "Tokenizer",
]


FORMER_ENDINGS = {"Classifier": "TextClassifier"}
"""How KerasNLP's names of tasks end, and ours of the same."""


def __getattr__(name: str) -> Any:
    if name in public_classes():
        return public_classes()[name]
    for former, ending in FORMER_ENDINGS.items():
        if name.endswith(former) and name.removesuffix(former) + ending in public_classes():
            return public_classes()[name.removesuffix(former) + ending]
    raise AttributeError(f"module 'hornbook.models' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, *public_classes()])
