"""The architecture: RoBERTa's, with attention to a window around each token and to a few others."""

from dataclasses import dataclass, replace

from hornbook.backbones.encoder import Encoder
from hornbook.families.bert import model as bert
from hornbook.families.roberta import model as roberta
from hornbook.layers.attention import even_head_dim
from hornbook.layers.feed_forward import FeedForward
from hornbook.layers.sliding_window_attention import GlobalTokens, SlidingWindowAttention
from hornbook.layers.transformer_layer import TransformerLayer


@dataclass(frozen=True, kw_only=True)
class LongformerConfig(roberta.RobertaConfig):
    """Sizes and rates of a Longformer model; the defaults are those of the base one.

    Attributes:
        attention_window: how many tokens each layer's queries see, half of them on each side, a
            pattern that the layers repeat.
        separator_token_id: what ends a text; in a question and a context, three stand there.
    """

    max_sequence_length: int = 4096
    attention_window: tuple[int, ...] = (512,)
    separator_token_id: int | None = 2


def build(config: LongformerConfig) -> Encoder:
    """Assembles the bricks."""
    init = bert.initializer(config)

    def layer(index: int) -> TransformerLayer:
        window = config.attention_window[index % len(config.attention_window)]
        if window < 2 or window % 2:
            raise ValueError(f"Layer {index} has an attention_window of {window}; expected even.")
        return TransformerLayer(
            SlidingWindowAttention(
                config.num_heads,
                even_head_dim(config.hidden_dim, config.num_heads),
                window // 2,
                dropout=config.attention_dropout,
                kernel_initializer=init,
                name="attention",
            ),
            bert.norm(config, "attention_norm"),
            FeedForward(
                config.intermediate_dim,
                config.activation,
                kernel_initializer=init,
                name="feed_forward",
            ),
            bert.norm(config, "feed_forward_norm"),
            norm_first=False,
            dropout=config.dropout,
            name=f"layers_{index}",
        )

    return replace(
        roberta.build(config),
        attention_context=GlobalTokens(name="global_tokens"),
        layers=[layer(index) for index in range(config.num_layers)],
    )
