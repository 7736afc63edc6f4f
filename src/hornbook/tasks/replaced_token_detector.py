"""Telling which tokens of a text were replaced by others."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras

from hornbook.backbones.backbone import Backbone
from hornbook.errors import DataError
from hornbook.layers.head_layers import HeadLayers
from hornbook.losses import BinaryTokenCrossentropy
from hornbook.tasks.head import head_features, output_layer
from hornbook.tasks.task import Task


class ReplacedTokenDetector(Task):
    """Tells of each token whether it was replaced (Clark et al., "ELECTRA", 2020).

    Inputs are those of the backbone; the output is logits [batch, length], above 0 for tokens that
    look replaced. It is compiled with a cross-entropy over the tokens that have weight, with the
    area under the ROC curve, and with Adam at 2e-5; `compile` changes that. With a preprocessor it
    trains on texts, of which tokens are replaced.

    Args:
        backbone: an encoder.
        preprocessor: a `ReplacedTokenPreprocessor`, or None for a task that takes token ids.

    Example:
        >>> from hornbook.models import ElectraBackbone, ElectraReplacedTokenDetector
        >>> backbone = ElectraBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> ElectraReplacedTokenDetector(backbone)(inputs).shape
        (1, 3)
    """

    name_in_families = "ReplacedTokenDetector"
    head_layers: ClassVar[HeadLayers]

    def __init__(
        self, backbone: Backbone, preprocessor: Any = None, *, name: str | None = None
    ) -> None:
        if type(self) is ReplacedTokenDetector:
            raise TypeError(
                "ReplacedTokenDetector is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        layers = self.head_layers
        x = output_layer(backbone, layers, 1, "replaced")(head_features(backbone, layers))
        super().__init__(backbone, preprocessor, keras.ops.squeeze(x, -1), name=name)
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": BinaryTokenCrossentropy(),
            "weighted_metrics": [keras.metrics.AUC(from_logits=True, name="auc")],
        }

    def detect(self, texts: str | Sequence[str], batch_size: int = 32) -> Any:
        """Says of each token of texts how probably it was replaced.

        Args:
            texts: a text, or several.
            batch_size: how many run at a time.

        Returns:
            For a text a list of `{"token": its id, "token_str": its text, "score": the
            probability}`, one a token, special tokens included; for several texts a list of these.

        Raises:
            DataError: when the model has no tokenizer.
        """
        if self.preprocessor is None:
            raise DataError("This model has no tokenizer; call it on token ids instead of texts.")
        if isinstance(texts, str):
            return self.detect([texts])[0]
        found: list[Any] = []
        for start in range(0, len(texts), batch_size):
            found.extend(self._detect(list(texts[start : start + batch_size])))
        return found

    def _detect(self, texts: list[str]) -> list[Any]:
        inputs = self.preprocessor.predict_preprocess(texts, pad_to="longest")
        logits = keras.ops.cast(self.predict_on_batch(inputs), "float32")
        scores = keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))
        name = self.preprocessor.tokenizer.id_to_token
        return [
            [
                {"token": token, "token_str": name(token), "score": score}
                for token, score in zip(ids[real].tolist(), row[real].tolist(), strict=True)
            ]
            for ids, real, row in zip(
                inputs["token_ids"], inputs["padding_mask"], scores, strict=True
            )
        ]
