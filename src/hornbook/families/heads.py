"""Heads that many families declare alike."""

from hornbook.checkpoints.weight_map import Drop, Map, tied, untied
from hornbook.families.family import Head


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
