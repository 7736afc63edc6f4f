"""A small language model of any family, with a tokenizer of its own, to train from scratch."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from hornbook.errors import ConfigError

END = "<|endoftext|>"


@dataclass(frozen=True)
class Sizes:
    """The sizes of a new model.

    Attributes:
        vocabulary: tokens, at most.
        layers: transformer layers.
        hidden_dim: width of the residual stream.
        heads: attention heads.
        sequence_length: the longest context, in tokens.
    """

    vocabulary: int
    layers: int
    hidden_dim: int
    heads: int
    sequence_length: int


def make_model(family_name: str, texts: Sequence[str], sizes: Sizes) -> Any:
    """Trains a byte-level tokenizer on the texts and makes a causal language model around it.

    Raises:
        ConfigError: for a family that there is not, or sizes that don't fit together.
    """
    from hornbook.families import classes
    from hornbook.families.registry import families
    from hornbook.tokenizers import BytePairTokenizer, compute_byte_pair_vocabulary

    able = {
        family.name: family
        for family in families().values()
        if any(head.task == "CausalLM" for head in family.heads)
    }
    if family_name not in able:
        raise ConfigError(
            f"There is no language model family '{family_name}'; expected {' or '.join(able)}"
        )
    if sizes.hidden_dim % sizes.heads:
        raise ConfigError(
            f"The hidden dim {sizes.hidden_dim} can't be split into {sizes.heads} heads"
        )
    family = able[family_name]
    vocabulary, merges = compute_byte_pair_vocabulary(
        texts, sizes.vocabulary, reserved_tokens=[END]
    )
    roles = dict.fromkeys(("start_token", "end_token", "pad_token"), END)
    tokenizer = BytePairTokenizer(vocabulary, merges, special_tokens=roles)
    config = _config(family.config_class, sizes, tokenizer)
    preprocessor = classes.preprocessor_class(family, "CausalLM")(tokenizer, sizes.sequence_length)
    backbone = classes.backbone_class(family)(**config)
    task: Any = classes.task_class(family, "CausalLM")
    return task(backbone, preprocessor)


def _config(config_class: type, sizes: Sizes, tokenizer: Any) -> dict[str, Any]:
    """The values for those names of the field that the family's config has."""
    end = tokenizer.end_token_id
    values = {
        "vocabulary_size": tokenizer.vocabulary_size(),
        "num_layers": sizes.layers,
        "num_heads": sizes.heads,
        "num_query_heads": sizes.heads,
        "num_key_value_heads": sizes.heads,
        "head_dim": sizes.hidden_dim // sizes.heads,
        "hidden_dim": sizes.hidden_dim,
        "intermediate_dim": 4 * sizes.hidden_dim,
        "max_sequence_length": sizes.sequence_length,
        "start_token_id": end,
        "end_token_id": end,
        "pad_token_id": end,
    }
    known = {field.name for field in fields(config_class)}
    return {name: value for name, value in values.items() if name in known}
