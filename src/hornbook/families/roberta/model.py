"""The architecture: BERT's, with positions that number the real tokens."""

from dataclasses import dataclass, replace

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert import model as bert
from hornbook.families.described import DescribedConfig
from hornbook.layers.embeddings import PositionEmbedding


@dataclass(frozen=True, kw_only=True)
class RobertaConfig(DescribedConfig, bert.BertConfig):
    """Sizes and rates of a RoBERTa model; the defaults are those of RoBERTa base.

    Attributes:
        start_token_id, end_token_id: special tokens.
        pad_token_id: the padding token; the vectors of positions up to that number are not used,
            and the first token has the one after it.
    """

    vocabulary_size: int = 50265
    num_segments: int = 1
    layer_norm_epsilon: float = 1e-5
    start_token_id: int | None = 0
    end_token_id: int | tuple[int, ...] | None = 2
    pad_token_id: int = 1


def build(config: RobertaConfig) -> Encoder:
    """Assembles the bricks.

    Raises:
        ValueError: when there is no padding token to number the positions from.
    """
    if config.pad_token_id is None:
        raise ValueError("pad_token_id is None, but positions are numbered from it on.")
    positions = PositionEmbedding(
        config.max_sequence_length,
        bert.initializer(config),
        offset=config.pad_token_id + 1,
        name="position_embedding",
    )
    return replace(bert.build(config), position_embedding=positions, counts_padding=False)
