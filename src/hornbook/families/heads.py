"""Heads that many families declare alike."""

from typing import Any

from hornbook.checkpoints.weight_map import Drop, Map
from hornbook.families.family import Head


def tied(config: Any) -> bool:
    """Whether the output projection is the token embedding."""
    return config.tie_word_embeddings


def untied(config: Any) -> bool:
    """Whether the output projection has weights of its own."""
    return not config.tie_word_embeddings


def causal_lm(hf_class: str, tensor: str = "lm_head.weight") -> Head:
    """The language model head: a projection to the vocabulary, tied or not."""
    return Head(
        "CausalLM",
        hf_class,
        (
            Map(tensor, "lm_head/kernel", when=untied),
            Drop(tensor, "it is the token embedding", when=tied),
        ),
    )
