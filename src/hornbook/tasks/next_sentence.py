"""Telling whether a text goes on with another, alone or beside guessing masked tokens."""

from typing import Any, ClassVar

import keras

from hornbook.backbones.backbone import Backbone
from hornbook.layers.dropout import Dropout
from hornbook.layers.head_layers import HeadLayers
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.tasks.head import dropout_rate, head_features, output_layer
from hornbook.tasks.masked_lm import masked_inputs, token_logits
from hornbook.tasks.task import Task


class NextSentencePredictor(Task):
    """Predicts whether the second of two texts follows the first (Devlin et al., "BERT", 2018).

    Inputs are those of the backbone, of pairs; the output is logits [batch, 2]: 0 is that it
    follows, 1 that it is a random one. It is compiled with cross-entropy and accuracy, and with
    Adam at 2e-5; `compile` changes that. With a preprocessor it trains on documents, of which
    pairs are made, or on pairs and their labels.

    Args:
        backbone: an encoder with a pooler.
        preprocessor: a `NextSentencePreprocessor`, or None for a task that takes token ids.

    Example:
        >>> from hornbook.models import BertBackbone, BertNextSentencePredictor
        >>> backbone = BertBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> BertNextSentencePredictor(backbone)(inputs).shape
        (1, 2)
    """

    name_in_families = "NextSentencePredictor"
    head_layers: ClassVar[HeadLayers]

    def __init__(
        self, backbone: Backbone, preprocessor: Any = None, *, name: str | None = None
    ) -> None:
        if type(self) is NextSentencePredictor:
            raise TypeError(
                "NextSentencePredictor is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        layers = self.head_layers
        x = head_features(backbone, layers)
        outputs = output_layer(backbone, layers, 2, "next_sentence")(x)
        super().__init__(backbone, preprocessor, outputs, name=name)
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "weighted_metrics": [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        }


class MaskedLMAndNextSentence(Task):
    """Does what BERT was pretrained on: guesses masked tokens, and whether texts follow.

    Inputs are those of the backbone, and `mask_positions`, int [batch, masks]. The outputs are
    logits: "masked_lm" [batch, masks, vocabulary] and "next_sentence" [batch, 2]. It is compiled
    with the sum of both cross-entropies (Devlin et al., "BERT", 2018), with a perplexity and an
    accuracy, and with Adam at 2e-5; `compile` changes that. With a preprocessor it trains on
    documents.

    Args:
        backbone: an encoder with a pooler.
        preprocessor: a `MaskedLMAndNextSentencePreprocessor`, or None for a task that takes token
            ids.

    Example:
        >>> from hornbook.models import BertBackbone, BertMaskedLMAndNextSentence
        >>> backbone = BertBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> task = BertMaskedLMAndNextSentence(backbone)
        >>> outputs = task({**inputs, "mask_positions": np.array([[1, 2]])})
        >>> outputs["masked_lm"].shape, outputs["next_sentence"].shape
        ((1, 2, 50), (1, 2))
    """

    name_in_families = "MaskedLMAndNextSentence"
    head_layers: ClassVar[HeadLayers]

    def __init__(
        self, backbone: Backbone, preprocessor: Any = None, *, name: str | None = None
    ) -> None:
        if type(self) is MaskedLMAndNextSentence:
            raise TypeError(
                "MaskedLMAndNextSentence is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        layers = self.head_layers
        inputs = masked_inputs(backbone)
        states = backbone(backbone.input)
        hidden, x = states["sequence_output"], states["pooled_output"]
        if rate := dropout_rate(backbone, layers, None):
            x = Dropout(rate, dtype=x.dtype, name="dropout")(x)
        outputs = {
            "masked_lm": token_logits(backbone, layers, hidden, inputs["mask_positions"]),
            "next_sentence": output_layer(backbone, layers, 2, "next_sentence")(x),
        }
        super().__init__(backbone, preprocessor, outputs, inputs=inputs, name=name)
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": {
                "masked_lm": SparseTokenCrossentropy(),
                "next_sentence": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            },
            "weighted_metrics": {
                "masked_lm": [Perplexity(from_logits=True)],
                "next_sentence": [keras.metrics.SparseCategoricalAccuracy("accuracy")],
            },
        }
