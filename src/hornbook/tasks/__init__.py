"""Tasks, each written once over any backbone that fits."""

from hornbook.preprocessing import (
    CausalLMPreprocessor,
    EncoderPreprocessor,
    MaskedLMAndNextSentencePreprocessor,
    MaskedLMPreprocessor,
    MultipleChoicePreprocessor,
    NextSentencePreprocessor,
    QuestionAnsweringPreprocessor,
    ReplacedTokenPreprocessor,
    TokenClassifierPreprocessor,
)
from hornbook.tasks.causal_lm import CausalLM
from hornbook.tasks.masked_lm import MaskedLM
from hornbook.tasks.multiple_choice import MultipleChoice
from hornbook.tasks.next_sentence import MaskedLMAndNextSentence, NextSentencePredictor
from hornbook.tasks.question_answering import QuestionAnswering
from hornbook.tasks.replaced_token_detector import ReplacedTokenDetector
from hornbook.tasks.task import Task
from hornbook.tasks.text_classifier import TextClassifier
from hornbook.tasks.text_embedder import TextEmbedder
from hornbook.tasks.token_classifier import TokenClassifier

TASKS: dict[str, tuple[type[Task], type]] = {
    "CausalLM": (CausalLM, CausalLMPreprocessor),
    "MaskedLM": (MaskedLM, MaskedLMPreprocessor),
    "MaskedLMAndNextSentence": (MaskedLMAndNextSentence, MaskedLMAndNextSentencePreprocessor),
    "MultipleChoice": (MultipleChoice, MultipleChoicePreprocessor),
    "NextSentencePredictor": (NextSentencePredictor, NextSentencePreprocessor),
    "QuestionAnswering": (QuestionAnswering, QuestionAnsweringPreprocessor),
    "ReplacedTokenDetector": (ReplacedTokenDetector, ReplacedTokenPreprocessor),
    "TextClassifier": (TextClassifier, EncoderPreprocessor),
    "TextEmbedder": (TextEmbedder, EncoderPreprocessor),
    "TokenClassifier": (TokenClassifier, TokenClassifierPreprocessor),
}
"""Each task's class and its preprocessor's, where a family declares no other, by the name that
families declare."""

__all__ = [
    "TASKS",
    "CausalLM",
    "MaskedLM",
    "MaskedLMAndNextSentence",
    "MultipleChoice",
    "NextSentencePredictor",
    "QuestionAnswering",
    "ReplacedTokenDetector",
    "Task",
    "TextClassifier",
    "TextEmbedder",
    "TokenClassifier",
]
