"""What stands between a backbone and a task's last layer, as families declare it."""

from dataclasses import dataclass
from typing import Literal

GlobalTokenKind = Literal["first", "first_text", "second_text"]
Pooling = Literal["pooler", "cls", "mean", "last"]
"""Where a text's vector comes from: the backbone's pooler, the first token's state, the mean over
real tokens, or the last real token's state."""


@dataclass(frozen=True, kw_only=True)
class Transform:
    """A dense layer, its activation, and maybe a norm: bricks `transform`, `transform_norm`.

    Attributes:
        activation: its name; None takes that of the model's config, `activation`.
        use_bias: whether the dense layer has a bias.
        norm: whether a `LayerNormalization` follows.
        norm_bias: whether that has a bias; None takes what the model's config says, `norm_bias`.
        norm_epsilon: its epsilon; None takes that of the model's config, `layer_norm_epsilon`.
        dropout_before: whether the head's dropout also stands before the dense layer.
    """

    activation: str | None = None
    use_bias: bool = True
    norm: bool = False
    norm_bias: bool | None = True
    norm_epsilon: float | None = None
    dropout_before: bool = False


@dataclass(frozen=True, kw_only=True)
class HeadLayers:
    """A head's structure: `pooling -> transform -> dropout -> the task's last layer`.

    Attributes:
        pooling: what makes one vector of a text, or None where each token has an output.
        pooling_key: the key of `config.json` that holds the pooling, where it is the
            checkpoint's choice.
        transform: the dense layer before the last one, or None.
        dropout_key: the key of `config.json` that holds the dropout rate; None is no dropout.
        dropout: the rate where that key is absent, or where there is none; "backbone" takes that
            of the model's config, `dropout`, and so does None where there is a key.
        use_bias: whether the last layer has a bias.
        global_tokens: which tokens have global attention where the caller doesn't say, in a
            backbone that has such tokens: "first", the first one; "first_text" or "second_text",
            those of one text of a pair, which the preprocessor finds; None for no token.

    Example:
        >>> HeadLayers(pooling="cls", transform=Transform(activation="tanh")).transform.use_bias
        True
    """

    pooling: Pooling | None = None
    pooling_key: str | None = None
    transform: Transform | None = None
    dropout_key: str | None = None
    dropout: float | Literal["backbone"] | None = None
    use_bias: bool = True
    global_tokens: GlobalTokenKind | None = None
