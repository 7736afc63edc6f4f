"""Models, tokenizers and preprocessors of every family, and the classes that load any of them.

The families' classes (`LlamaBackbone`, `GPT2CausalLM`, `BertTokenizer`, ...) are there because the
families are registered, and KerasNLP's names for them lead to them (`BertClassifier` is
`BertTextClassifier`).
"""

from collections.abc import Mapping
from functools import cache
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


@cache
def former_names() -> Mapping[str, type]:
    """The families' classes that KerasNLP names otherwise, by its names."""
    return {
        name.removesuffix(ending) + former: made
        for former, ending in FORMER_ENDINGS.items()
        for name, made in public_classes().items()
        if name.endswith(ending)
    }


def __getattr__(name: str) -> Any:
    for named in (public_classes(), former_names()):
        if name in named:
            return named[name]
    raise AttributeError(f"module 'hornbook.models' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*__all__, *public_classes(), *former_names()])
