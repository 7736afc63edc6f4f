"""Tasks, each written once over any backbone that fits."""

from hornbook.preprocessing import CausalLMPreprocessor, EncoderPreprocessor
from hornbook.tasks.causal_lm import CausalLM
from hornbook.tasks.task import Task
from hornbook.tasks.text_embedder import TextEmbedder

TASKS: dict[str, tuple[type[Task], type]] = {
    "CausalLM": (CausalLM, CausalLMPreprocessor),
    "TextEmbedder": (TextEmbedder, EncoderPreprocessor),
}
"""Each task's class and its preprocessor's, by the name that families declare."""

__all__ = ["TASKS", "CausalLM", "Task", "TextEmbedder"]
