"""The architecture: RoBERTa's, with the vocabulary of a hundred languages."""

from dataclasses import dataclass

from hornbook.families.roberta.model import RobertaConfig


@dataclass(frozen=True, kw_only=True)
class XLMRobertaConfig(RobertaConfig):
    """Sizes and rates of an XLM-RoBERTa model; the defaults are those of XLM-RoBERTa base."""

    vocabulary_size: int = 250002
