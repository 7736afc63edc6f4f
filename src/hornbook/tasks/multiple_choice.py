"""Prompts with several choices to the right one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np

from hornbook.backbones.backbone import Backbone
from hornbook.errors import DataError
from hornbook.layers.choices import MergeChoices, SplitChoices
from hornbook.layers.head_layers import HeadLayers
from hornbook.preprocessing.multiple_choice import choice_columns
from hornbook.tasks.head import head_features, output_layer
from hornbook.tasks.labelled_task import dropout_entry, read_config_json, read_dropout
from hornbook.tasks.task import Task


class MultipleChoice(Task):
    """Gives each of a prompt's choices a score.

    Inputs are those of the backbone, each [batch, choices, length], a prompt with a choice a row;
    the output is logits [batch, choices]. It is compiled with the cross-entropy over the choices
    and the accuracy, and with Adam at 2e-5; `compile` changes that.

    Args:
        backbone: an encoder.
        preprocessor: a `MultipleChoicePreprocessor`, or None for a task that takes token ids.
        dropout: the rate before the last layer, in training; None is the backbone's.

    Example:
        >>> from hornbook.models import BertBackbone, BertMultipleChoice
        >>> backbone = BertBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[[3, 4, 5], [3, 4, 6]]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> BertMultipleChoice(backbone)(inputs).shape
        (1, 2)
    """

    name_in_families = "MultipleChoice"
    starts_fresh = True
    head_layers: ClassVar[HeadLayers]

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any = None,
        *,
        dropout: float | None = None,
        name: str | None = None,
    ) -> None:
        if type(self) is MultipleChoice:
            raise TypeError(
                "MultipleChoice is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        layers = self.head_layers
        inputs = {key: keras.Input((None, None), dtype="int32", name=key) for key in backbone.input}
        rows = {key: MergeChoices(name=f"{key}_rows")(value) for key, value in inputs.items()}
        x = head_features(backbone, layers, dropout=dropout, inputs=rows)
        scores = output_layer(backbone, layers, 1, "classifier")(x)
        split = SplitChoices(dtype=backbone.token_embedding.dtype_policy, name="choices")
        outputs = split(scores, inputs["token_ids"])
        super().__init__(backbone, preprocessor, outputs, inputs=inputs, name=name)
        self.dropout = dropout
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            "weighted_metrics": [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        }

    @property
    def task_options(self) -> dict[str, Any]:
        return {"dropout": self.dropout}

    @classmethod
    def read_options(cls, folder: Path) -> dict[str, Any]:
        return read_dropout(cls.head_layers, read_config_json(folder))

    def config_entries(self) -> dict[str, Any]:
        return dropout_entry(self.head_layers, self.dropout)

    def choose(
        self, prompts: Sequence[str], choices: Sequence[Sequence[str]], batch_size: int = 32
    ) -> list[dict[str, Any]]:
        """Says which choice is right for each prompt, and how probable each is.

        Args:
            prompts: the prompts.
            choices: the choices of each; their numbers may differ.
            batch_size: how many prompts run at a time.

        Returns:
            For each prompt `{"choice": its number, "text", "score", "scores"}`: the best choice,
            its probability, and those of all, which add up to 1.

        Raises:
            DataError: when the model has no tokenizer.
        """
        if self.preprocessor is None:
            raise DataError("This model has no tokenizer; call it on token ids instead of texts.")
        given, texts = choice_columns((list(prompts), list(choices)))
        found: list[Any] = [None] * len(given)
        order = sorted(range(len(given)), key=lambda row: (len(texts[row]), len(given[row])))
        for number in sorted(set(map(len, texts))):
            rows = [row for row in order if len(texts[row]) == number]
            for start in range(0, len(rows), batch_size):
                part = rows[start : start + batch_size]
                batch = [given[row] for row in part], [texts[row] for row in part]
                logits = self.predict_on_batch(self.preprocessor(batch, pad_to="longest"))
                scores = keras.ops.softmax(keras.ops.cast(logits, "float32"), axis=-1)
                for row, values in zip(part, keras.ops.convert_to_numpy(scores), strict=True):
                    found[row] = _described(texts[row], values)
        return found


def _described(choices: Sequence[str], scores: np.ndarray) -> dict[str, Any]:
    best = int(scores.argmax())
    return {
        "choice": best,
        "text": choices[best],
        "score": float(scores[best]),
        "scores": scores.tolist(),
    }
