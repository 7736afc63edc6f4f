"""The architecture: BERT's, with narrow embeddings and layers that share their weights."""

from dataclasses import dataclass, replace

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert import model as bert
from hornbook.families.described import DescribedConfig
from hornbook.layers.linear import Linear


@dataclass(frozen=True, kw_only=True)
class AlbertConfig(DescribedConfig, bert.BertConfig):
    """Sizes and rates of an ALBERT model; the defaults are those of ALBERT base.

    Attributes:
        embedding_dim: width of the embeddings, projected to that of the hidden states.
        num_groups: how many layers there are; each stands several times, one after the other,
            until there are `num_layers`.
    """

    vocabulary_size: int = 30000
    embedding_dim: int = 128
    num_groups: int = 1
    activation: str = "gelu_new"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    start_token_id: int | None = 2
    end_token_id: int | tuple[int, ...] | None = 3


def build(config: AlbertConfig) -> Encoder:
    """Assembles the bricks.

    Raises:
        ValueError: when there are more groups than layers.
    """
    if not 0 < config.num_groups <= config.num_layers:
        raise ValueError(
            f"num_groups={config.num_groups} must be between 1 and num_layers={config.num_layers}."
        )
    width = config.embedding_dim
    groups = [bert.layer(config, f"layers_{index}") for index in range(config.num_groups)]
    shared = [
        groups[int(index / (config.num_layers / config.num_groups))]
        for index in range(config.num_layers)
    ]
    return replace(
        bert.build(config),
        token_embedding=bert.embedding(config, config.vocabulary_size, "token_embedding", width),
        segment_embedding=bert.embedding(config, config.num_segments, "segment_embedding", width),
        input_projection=Linear(
            config.hidden_dim, kernel_initializer=bert.initializer(config), name="input_projection"
        ),
        layers=shared,
    )
