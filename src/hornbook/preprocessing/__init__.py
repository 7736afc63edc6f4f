"""What turns text into a model's inputs, without Keras or a backend.

Packers, maskers and augmentations are beside it: `hornbook.layers` exports them, as they are saved
and loaded by Keras.
"""

from typing import Any

from hornbook.lazy import load

_EXPORTS = {
    "CausalLMPreprocessor": "hornbook.preprocessing.causal_lm",
    "DecoderPreprocessor": "hornbook.preprocessing.decoder",
    "EncoderPreprocessor": "hornbook.preprocessing.encoder",
    "MaskedLMAndNextSentencePreprocessor": "hornbook.preprocessing.next_sentence",
    "MaskedLMPreprocessor": "hornbook.preprocessing.masked_lm",
    "MultipleChoicePreprocessor": "hornbook.preprocessing.multiple_choice",
    "NextSentencePreprocessor": "hornbook.preprocessing.next_sentence",
    "Preprocessor": "hornbook.preprocessing.preprocessor",
    "QuestionAnsweringPreprocessor": "hornbook.preprocessing.question_answering",
    "ReplacedTokenPreprocessor": "hornbook.preprocessing.replaced_token",
    "TokenClassifierPreprocessor": "hornbook.preprocessing.token_classifier",
}
__all__ = list(_EXPORTS)


def __getattr__(name: str) -> Any:
    return load(__name__, _EXPORTS, name)


def __dir__() -> list[str]:
    return list(_EXPORTS)
