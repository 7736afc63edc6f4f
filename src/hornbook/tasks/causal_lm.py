"""Language modelling from left to right."""

from typing import Any

import keras

from hornbook.backbones.backbone import Backbone
from hornbook.layers.linear import Linear
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.tasks.task import Task


class CausalLM(Task):
    """Predicts the next token of every position.

    Inputs are `token_ids` and `padding_mask`, both int [batch, length]; the output is logits
    [batch, length, vocabulary]. It is compiled with a loss and a perplexity that leave padding
    out, and with Adam at 2e-5; `compile` changes that.

    Args:
        backbone: a decoder.
        preprocessor: a `CausalLMPreprocessor`, or None to train and generate on token ids.

    Example:
        >>> from hornbook.models import GPT2Backbone, GPT2CausalLM
        >>> backbone = GPT2Backbone(vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8)
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> GPT2CausalLM(backbone)({"token_ids": ids, "padding_mask": np.ones_like(ids)}).shape
        (1, 3, 50)
    """

    name_in_families = "CausalLM"

    def __init__(
        self, backbone: Backbone, preprocessor: Any = None, *, name: str | None = None
    ) -> None:
        if type(self) is CausalLM:
            raise TypeError(
                "CausalLM is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        config = backbone.config
        head = None
        if not config.tie_word_embeddings:
            head = Linear(
                config.vocabulary_size,
                use_bias=False,
                kernel_initializer=keras.initializers.RandomNormal(stddev=config.initializer_range),
                dtype=backbone.token_embedding.dtype_policy,
                name="lm_head",
            )
        hidden = backbone(backbone.input)
        logits = backbone.token_embedding(hidden, reverse=True) if head is None else head(hidden)
        super().__init__(backbone, preprocessor, logits, name=name)
        self.lm_head = head
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": SparseTokenCrossentropy(),
            "weighted_metrics": [Perplexity(from_logits=True)],
        }

    def project(self, hidden: Any) -> Any:
        """Logits [batch, length, vocabulary] of hidden states [batch, length, hidden_dim]."""
        if self.lm_head is None:
            return self.backbone.token_embedding(hidden, reverse=True)
        return self.lm_head(hidden)
