"""Guessing masked tokens from both sides."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from hornbook.backbones.backbone import Backbone
from hornbook.errors import DataError
from hornbook.layers.head_layers import HeadLayers
from hornbook.layers.tied_projection import TiedProjection
from hornbook.layers.token_selection import TokenSelection
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.tasks.head import freeze_pooler, output_layer, states, transformed
from hornbook.tasks.task import Task
from hornbook.training.next_token_model import NextTokenModel


class MaskedLM(NextTokenModel, Task):
    """Predicts the tokens that stand at given positions, which masks may hide.

    Inputs are those of the backbone and `mask_positions`, int [batch, masks]; the output is logits
    [batch, masks, vocabulary]: nothing is computed of the vocabulary for other tokens. It is
    compiled with a loss and a perplexity over the masked tokens, and with Adam at 2e-5; `compile`
    changes that.

    Args:
        backbone: an encoder.
        preprocessor: a `MaskedLMPreprocessor`, or None for a task that takes token ids.

    Example:
        >>> from hornbook.models import BertBackbone, BertMaskedLM
        >>> backbone = BertBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> BertMaskedLM(backbone)({**inputs, "mask_positions": np.array([[1, 2]])}).shape
        (1, 2, 50)
    """

    name_in_families = "MaskedLM"
    head_layers: ClassVar[HeadLayers]

    def __init__(
        self, backbone: Backbone, preprocessor: Any = None, *, name: str | None = None
    ) -> None:
        if type(self) is MaskedLM:
            raise TypeError(
                "MaskedLM is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        inputs = masked_inputs(backbone)
        freeze_pooler(backbone)
        hidden = states(backbone, backbone.input)
        logits = token_logits(backbone, self.head_layers, hidden, inputs["mask_positions"])
        super().__init__(backbone, preprocessor, logits, inputs=inputs, name=name)
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": SparseTokenCrossentropy(),
            "weighted_metrics": [Perplexity(from_logits=True)],
        }

    def fill_mask(self, texts: str | Sequence[str], top_k: int = 5, batch_size: int = 32) -> Any:
        """Guesses what the mask tokens in texts hide.

        Args:
            texts: a text with one mask token or several in it, such as "[MASK]", or several texts.
            top_k: how many guesses are made for each mask.
            batch_size: how many texts run at a time.

        Returns:
            The best guesses, the most probable first, each `{"score": its probability, "token":
            its id, "token_str": its text, "sequence": the whole text with it}`. For a text with
            several masks a list of these for each mask; for several texts a list of all that.

        Raises:
            DataError: when a text has no mask token, or the model no tokenizer.
        """
        if self.preprocessor is None:
            raise DataError("This model has no tokenizer; call it on token ids instead of texts.")
        if isinstance(texts, str):
            return self.fill_mask([texts], top_k)[0]
        filled: list[Any] = []
        for start in range(0, len(texts), batch_size):
            filled.extend(self._fill(list(texts[start : start + batch_size]), top_k))
        return filled

    def _fill(self, texts: list[str], top_k: int) -> list[Any]:
        inputs = self.preprocessor.predict_preprocess(texts, pad_to="longest")
        is_mask = inputs["token_ids"] == self.preprocessor.tokenizer.mask_token_id
        for text, row in zip(texts, is_mask, strict=True):
            if not row.any():
                raise DataError(
                    f"The text {text[:80]!r} holds no mask among its first "
                    f"{self.preprocessor.sequence_length} tokens; put "
                    f"'{self.preprocessor.tokenizer.mask_token}' where a token is to be guessed."
                )
        logits = keras.ops.cast(self.predict_on_batch(inputs), "float32")
        scores, ids = keras.ops.top_k(keras.ops.softmax(logits, axis=-1), top_k)
        scores, ids = map(keras.ops.convert_to_numpy, (scores, ids))
        return [
            self._guesses(inputs, row, int(is_mask[row].sum()), scores[row], ids[row])
            for row in range(len(texts))
        ]

    def _guesses(
        self, inputs: dict[str, Any], row: int, masks: int, scores: np.ndarray, ids: np.ndarray
    ) -> list[Any]:
        tokenizer = self.preprocessor.tokenizer
        real = inputs["padding_mask"][row].astype(bool)
        found = []
        for mask, position in enumerate(inputs["mask_positions"][row, :masks]):
            guesses = []
            for score, token in zip(scores[mask].tolist(), ids[mask].tolist(), strict=True):
                whole = inputs["token_ids"][row].copy()
                whole[position] = token
                guesses.append({
                    "score": score,
                    "token": token,
                    "token_str": tokenizer.detokenize([token]),
                    "sequence": tokenizer.detokenize(
                        whole[real].tolist(), skip_special_tokens=masks == 1
                    ),
                })  # fmt: skip
            found.append(guesses)
        return found[0] if masks == 1 else found


def masked_inputs(backbone: Backbone) -> dict[str, Any]:
    """The backbone's symbolic inputs, and the positions of the tokens to predict."""
    positions = keras.Input((None,), dtype="int32", name="mask_positions")
    return {**backbone.input, "mask_positions": positions}


def token_logits(backbone: Backbone, layers: HeadLayers, hidden: Any, positions: Any) -> Any:
    """Logits of the tokens at positions: `selection -> transform -> vocabulary`.

    Args:
        backbone: the model without a head.
        layers: the head's structure.
        hidden: its states [batch, length, features].
        positions: int [batch, masks].

    Returns:
        [batch, masks, vocabulary]; the projection is the token embedding where that is tied.
    """
    policy = backbone.token_embedding.dtype_policy
    x = TokenSelection(dtype=policy, name="selection")(hidden, positions)
    if layers.transform is not None:
        x = transformed(backbone, layers.transform, x, backbone.token_embedding.output_dim)
    if backbone.config.tie_word_embeddings:
        return TiedProjection(backbone.token_embedding, dtype=policy, name="lm_head")(x)
    return output_layer(backbone, layers, backbone.config.vocabulary_size, "lm_head")(x)
