"""Texts, or pairs of texts, to labels or to numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np

from hornbook.backbones.backbone import Backbone
from hornbook.errors import ConfigError, DataError
from hornbook.layers.head_layers import HeadLayers, Pooling
from hornbook.preprocessing.text_columns import is_text
from hornbook.tasks.head import head_features, output_layer
from hornbook.tasks.labelled_task import LabelledTask, label_names, read_config_json
from hornbook.tasks.text_prediction import predict_texts

ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]


class TextClassifier(LabelledTask):
    """Gives each text, or pair of texts, a score for each label.

    Inputs are those of the backbone; the output is [batch, number of labels]: logits, or for a
    regression the numbers themselves. To train on are texts with one label each, its name or its
    number [batch]; with several, lists of names, or 0 and 1 [batch, number of labels]; or with
    numbers, for a regression. It is compiled with the loss and the metric of its kind of problem,
    and with Adam at 2e-5; `compile` changes that. Labels are read from and written to
    `config.json` as transformers does it.

    Args:
        backbone: an encoder or a decoder.
        preprocessor: turns texts into the backbone's inputs, or None for a task that takes token
            ids.
        num_classes: the number of labels, 2 if nothing is said; 1 makes it a regression.
        labels: the labels' names, instead of a number.
        problem_type: "single_label_classification", "multi_label_classification" or "regression";
            None is the first, or the last where there is one label.
        dropout: the rate before the last layer, in training; None is the backbone's.
        activation: the name of Keras's function of the scores, such as "softmax"; None gives
            logits.
        pooling: where a text's vector comes from, in a family whose checkpoints say that.
        hidden_dim: the width of the head's hidden layer, as KerasNLP takes it; the backbone's.

    Raises:
        ConfigError: when these disagree, or are none that are known.

    Example:
        >>> from hornbook.models import BertBackbone, BertTextClassifier
        >>> backbone = BertBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> BertTextClassifier(backbone, num_classes=3)(inputs).shape
        (1, 3)
    """

    name_in_families = "TextClassifier"

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any = None,
        *,
        num_classes: int | None = None,
        labels: Sequence[str] | None = None,
        problem_type: ProblemType | None = None,
        dropout: float | None = None,
        activation: str | None = None,
        pooling: Pooling | None = None,
        hidden_dim: int | None = None,
        name: str | None = None,
    ) -> None:
        if type(self) is TextClassifier:
            raise TypeError(
                "TextClassifier is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        if isinstance(preprocessor, int):
            raise TypeError(f"Name the number of labels: num_classes={preprocessor}.")
        names = label_names(labels, num_classes)
        _check(problem_type, "problem_type", get_args(ProblemType))
        layers = self.head_layers
        if pooling != layers.pooling and layers.pooling_key is None:
            _check(pooling, "pooling", ())
        _check_width(hidden_dim, backbone, layers)
        x = head_features(backbone, layers, pooling=pooling, dropout=dropout)
        outputs = output_layer(backbone, layers, len(names), "classifier")(x)
        if activation is not None:
            outputs = keras.activations.get(activation)(outputs)
        super().__init__(backbone, preprocessor, outputs, name=name)
        self.labels = names
        self.activation = activation
        self.problem_type = problem_type
        self.dropout = dropout
        self.pooling = pooling
        self.compile_by_default()

    @property
    def kind(self) -> ProblemType:
        """The problem's type, where none was given too."""
        if self.problem_type is not None:
            return self.problem_type
        return "regression" if self.num_classes == 1 else "single_label_classification"

    def default_compile(self) -> dict[str, Any]:
        losses, metrics, logits = keras.losses, keras.metrics, self.activation is None
        loss, metric = {
            "single_label_classification": (
                losses.SparseCategoricalCrossentropy(from_logits=logits),
                metrics.SparseCategoricalAccuracy("accuracy"),
            ),
            "multi_label_classification": (
                losses.BinaryCrossentropy(from_logits=logits),
                metrics.BinaryAccuracy("accuracy", threshold=0.0 if logits else 0.5),
            ),
            "regression": (losses.MeanSquaredError(), metrics.MeanAbsoluteError("mae")),
        }[self.kind]
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": loss,
            "weighted_metrics": [metric],
        }

    def read_examples(
        self, x: Any, y: Any = None, sample_weight: Any = None
    ) -> tuple[Any, Any, Any]:
        """Texts with the numbers of their labels, where names were given."""
        names = y.tolist() if isinstance(y, np.ndarray) and y.dtype.kind in "UO" else y
        if not isinstance(names, list | tuple) or not is_text(names):
            self._check_numbers(y)
            return x, y, sample_weight
        if isinstance(names[0], str):
            return x, np.array([self.label_number(name) for name in names]), sample_weight
        labels = np.zeros((len(names), self.num_classes), "float32")
        for row, of_text in enumerate(names):
            labels[row, [self.label_number(name) for name in of_text]] = 1
        return x, labels, sample_weight

    def _check_numbers(self, y: Any) -> None:
        # Backends differ in what they make of a label that there is no score for: some, nothing.
        if self.kind != "single_label_classification" or not isinstance(y, list | np.ndarray):
            return
        labels = np.asarray(y)
        if labels.dtype.kind in "iu" and labels.ndim == 1 and labels.size:
            worst = int(labels.max() if labels.max() >= self.num_classes else labels.min())
            if not 0 <= worst < self.num_classes:
                raise DataError(
                    f"Got the label {worst}, but the model has {self.num_classes} labels, whose "
                    "numbers begin with 0; say how many there are with num_classes=."
                )

    @property
    def task_options(self) -> dict[str, Any]:
        own = ("problem_type", "activation", "pooling")
        return {**super().task_options, **{name: getattr(self, name) for name in own}}

    @classmethod
    def read_options(cls, folder: Path) -> dict[str, Any]:
        options, raw = super().read_options(folder), read_config_json(folder)
        if raw.get("problem_type") is not None:
            options["problem_type"] = raw["problem_type"]
        key = cls.head_layers.pooling_key
        if key is not None and raw.get(key) is not None:
            options["pooling"] = raw[key]
        return options

    def config_entries(self) -> dict[str, Any]:
        entries = {**super().config_entries(), "problem_type": self.problem_type}
        if self.head_layers.pooling_key is not None and self.pooling is not None:
            entries[self.head_layers.pooling_key] = self.pooling
        # By this token transformers finds where a text ends.
        tokenizer = None if self.preprocessor is None else self.preprocessor.tokenizer
        if self.head_layers.pooling == "last" and tokenizer is not None:
            pad = self.backbone.config.pad_token_id
            entries["pad_token_id"] = tokenizer.pad_token_id if pad is None else pad
        return entries

    def classify(
        self, texts: Any, batch_size: int = 32, top_k: int | None = 1
    ) -> list[dict[str, Any]] | list[list[dict[str, Any]]]:
        """Says which labels texts have, and how probable they are.

        Args:
            texts: a list of texts, a list of pairs, or a tuple of two lists for pairs.
            batch_size: how many texts run at a time, at most; those of like length share a batch.
            top_k: how many labels are given, best first; None gives all.

        Returns:
            For each text `{"label": its name, "score": its probability}`, a list of these unless
            `top_k` is 1. Where a text has one label the probabilities add up to 1; where it can
            have several each stands alone. For a regression the score is the number.

        Raises:
            DataError: when the model has no tokenizer.
        """
        outputs = predict_texts(self, texts, batch_size)
        if not outputs:
            return []
        scores = self._probabilities(np.stack(outputs))
        best = np.argsort(-scores, axis=1, kind="stable")[:, :top_k]
        rows = [
            [{"label": self.labels[index], "score": float(row[index])} for index in order]
            for row, order in zip(scores, best, strict=True)
        ]
        return [row[0] for row in rows] if top_k == 1 else rows

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        if self.kind == "regression" or self.activation is not None:
            return logits
        if self.kind == "multi_label_classification":
            return np.asarray(1 / (1 + np.exp(-logits)))
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


def _check(value: Any, name: str, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        expected = f"one of {', '.join(known)}" if known else "none, as it is the family's"
        raise ConfigError(f"{name} is {value!r}; expected {expected}.")


def _check_width(hidden_dim: int | None, backbone: Backbone, layers: HeadLayers) -> None:
    if hidden_dim is None:
        return
    if layers.transform is None:
        raise ConfigError(
            f"hidden_dim is {hidden_dim}, but this family's classifier has no hidden layer of its "
            "own; leave it out."
        )
    if hidden_dim != backbone.config.hidden_dim:
        raise ConfigError(
            f"hidden_dim is {hidden_dim}; expected the backbone's {backbone.config.hidden_dim}, as "
            "in all checkpoints of this family, whose files hold no other: leave it out, or put "
            "layers of your own on the backbone."
        )
