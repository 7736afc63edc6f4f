"""The architecture: BERT's without a pooler, on embeddings of a width of their own."""

from dataclasses import dataclass, replace

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert import model as bert
from hornbook.families.described import DescribedConfig
from hornbook.layers.linear import Linear


@dataclass(frozen=True, kw_only=True)
class ElectraConfig(DescribedConfig, bert.BertConfig):
    """Sizes and rates of an ELECTRA model; the defaults are those of ELECTRA small.

    Attributes:
        embedding_dim: width of the embeddings, projected to that of the hidden states.
    """

    num_heads: int = 4
    hidden_dim: int = 256
    intermediate_dim: int = 1024
    embedding_dim: int = 128


def is_projected(config: ElectraConfig) -> bool:
    """Whether the embeddings have another width than the layers."""
    return config.embedding_dim != config.hidden_dim


def build(config: ElectraConfig) -> Encoder:
    """Assembles the bricks."""
    width = config.embedding_dim
    projection = Linear(
        config.hidden_dim, kernel_initializer=bert.initializer(config), name="input_projection"
    )
    return replace(
        bert.build(config),
        token_embedding=bert.embedding(config, config.vocabulary_size, "token_embedding", width),
        segment_embedding=bert.embedding(config, config.num_segments, "segment_embedding", width),
        input_projection=projection if is_projected(config) else None,
        pooler=None,
    )
