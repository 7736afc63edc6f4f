"""Words in texts to labels: names of people and places, parts of speech."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from hornbook.backbones.backbone import Backbone
from hornbook.errors import DataError
from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics.entity_tags import OUTSIDE, Entity, entities, is_tag
from hornbook.preprocessing.text_columns import is_text
from hornbook.preprocessing.words import split_texts, word_spans
from hornbook.tasks.head import head_features, output_layer
from hornbook.tasks.labelled_task import LabelledTask, label_names

Words = list[dict[str, Any]]


class TokenClassifier(LabelledTask):
    """Gives each token, and so each word, of a text a score for each label.

    Inputs are those of the backbone; the output is logits [batch, length, number of labels]. To
    train on are texts, each a string or a list of words, with a label for each word: its name, or
    its number. It is compiled with a loss and an accuracy over the words, and with Adam at 2e-5;
    `compile` changes that, and `hornbook.metrics.EntityF1` measures what `tag` finds. Labels are
    read from and written to `config.json` as transformers does it.

    Args:
        backbone: an encoder.
        preprocessor: a `TokenClassifierPreprocessor`, or None for a task that takes token ids.
        num_classes: the number of labels, 2 if nothing is said.
        labels: the labels' names, instead of a number, such as `["O", "B-PER", "I-PER"]`.
        dropout: the rate before the last layer, in training; None is the backbone's.

    Raises:
        ConfigError: when number and labels disagree.

    Example:
        >>> from hornbook.models import BertBackbone, BertTokenClassifier
        >>> backbone = BertBackbone(
        ...     vocabulary_size=50, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16
        ... )
        >>> import numpy as np
        >>> ids = np.array([[3, 4, 5]])
        >>> inputs = {"token_ids": ids, "padding_mask": ids > 0, "segment_ids": 0 * ids}
        >>> BertTokenClassifier(backbone, labels=["O", "B-PER", "I-PER"])(inputs).shape
        (1, 3, 3)
    """

    name_in_families = "TokenClassifier"

    def __init__(
        self,
        backbone: Backbone,
        preprocessor: Any = None,
        *,
        num_classes: int | None = None,
        labels: Sequence[str] | None = None,
        dropout: float | None = None,
        name: str | None = None,
    ) -> None:
        if type(self) is TokenClassifier:
            raise TypeError(
                "TokenClassifier is made by from_preset(); a family's own class in "
                "hornbook.models is made around a backbone."
            )
        names = label_names(labels, num_classes)
        x = head_features(backbone, self.head_layers, dropout=dropout)
        outputs = output_layer(backbone, self.head_layers, len(names), "classifier")(x)
        super().__init__(backbone, preprocessor, outputs, name=name)
        self.labels = names
        self.dropout = dropout
        self.compile_by_default()

    def default_compile(self) -> dict[str, Any]:
        return {
            "optimizer": keras.optimizers.Adam(2e-5),
            "loss": SparseTokenCrossentropy(),
            "weighted_metrics": [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        }

    def read_examples(
        self, x: Any, y: Any = None, sample_weight: Any = None
    ) -> tuple[Any, Any, Any]:
        """Texts whose words are known, and their labels as numbers.

        Of a text that is too long there is a row for each part, so that every label counts.
        """
        if not isinstance(x, list | tuple) or not is_text(x):
            return x, y, sample_weight
        texts = split_texts(x)
        if y is None or self.preprocessor is None or len(y) != len(texts):
            return texts, y, sample_weight
        rows = [
            (part, [self.label_number(label) for label in labels[first:behind]], index)
            for index, (text, labels) in enumerate(zip(texts, y, strict=True))
            for part, first, behind in self._parts(text, labels)
        ]
        # An array of lists: their lengths differ, and a batch takes some of them.
        numbers = np.empty(len(rows), object)
        for row, (_, labels, _) in enumerate(rows):
            numbers[row] = labels
        if sample_weight is not None:
            sample_weight = np.asarray(sample_weight)[[index for _, _, index in rows]]
        return [part for part, _, _ in rows], numbers, sample_weight

    def _parts(self, text: str, labels: Sequence[Any]) -> Iterator[tuple[str, int, int]]:
        """Parts of a text that fit a row, their first word's number and that behind the last."""
        if len(word_spans(text)) != len(labels):
            yield text, 0, len(labels)  # an error, which the preprocessor raises
            return
        for part, first in self.preprocessor.split(text):
            yield part, first, first + len(word_spans(part))

    def tag(self, texts: Any, batch_size: int = 32) -> list[Words]:
        """Says which label each word of texts has, and how probable it is.

        A text that is longer than the preprocessor's sequence length is cut between words into
        parts, each of which is read alone.

        Args:
            texts: a list of texts, each a string or a list of words.
            batch_size: how many run at a time; texts of like length share a batch.

        Returns:
            For each text a list of `{"word", "label", "score", "start", "end"}`, one a word: its
            label, that one's probability, and the word's place in the text in characters; for a
            list of words, in the words joined by spaces. A word that the tokenizer makes nothing of
            has the label None and the score 0.

        Raises:
            DataError: when the model has no tokenizer.
        """
        if self.preprocessor is None:
            raise DataError("This model has no tokenizer; call it on token ids instead of texts.")
        known = split_texts(list(texts) if not isinstance(texts, str) else [texts])
        tagged: list[Words] = [
            [
                {"word": text[start:end], "label": None, "score": 0.0, "start": start, "end": end}
                for start, end in word_spans(text)
            ]
            for text in known
        ]
        parts = [
            (row, part, first)
            for row, text in enumerate(known)
            for part, first in self.preprocessor.split(text)
        ]
        parts.sort(key=lambda part: len(part[1]))
        for start in range(0, len(parts), batch_size):
            chosen = parts[start : start + batch_size]
            scores = self._word_scores([part for _, part, _ in chosen])
            for (row, _, first), (words, probabilities) in zip(chosen, scores, strict=True):
                for word, values in zip(words.tolist(), probabilities, strict=True):
                    best = int(values.argmax())
                    entry = tagged[row][first + word]
                    entry.update(label=self.labels[best], score=float(values[best]))
        return tagged

    def _word_scores(self, texts: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """For each text, the words that have a token, and their labels' probabilities."""
        features, columns = self.preprocessor.align(texts, pad_to="longest")
        logits = keras.ops.cast(self.predict_on_batch(features), "float32")
        probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits, axis=-1))
        for row, places in zip(probabilities, columns, strict=True):
            words = np.flatnonzero(places >= 0)
            yield words, row[places[words]]

    def find_entities(self, texts: Any, batch_size: int = 32) -> list[Words]:
        """Finds what words mark together: entities tagged as "B-PER", "I-PER", or runs of a label.

        Args:
            texts: as for `tag`.
            batch_size: as for `tag`.

        Returns:
            For each text a list of `{"label", "text", "score", "start", "end", "words"}`: the
            entity's type, its characters, the mean of its words' probabilities, and its place in
            characters and, as `(first, behind the last)`, in words. Tags are read leniently, as
            by `hornbook.metrics.entities`; where the labels are no such tags, neighbours with the
            same label are one.
        """
        known = split_texts(list(texts) if not isinstance(texts, str) else [texts])
        tagged = self.tag(known, batch_size)
        return [
            [_described(text, words, entity) for entity in self._entities(words)]
            for text, words in zip(known, tagged, strict=True)
        ]

    def _entities(self, words: Words) -> list[Entity]:
        tags = [word["label"] or OUTSIDE for word in words]
        if all(map(is_tag, self.labels)):
            return entities(tags)
        return entities([tag if tag == OUTSIDE else f"I-{tag}" for tag in tags])


def _described(text: str, words: Words, entity: Entity) -> dict[str, Any]:
    own = words[entity.start : entity.end]
    start, end = own[0]["start"], own[-1]["end"]
    return {
        "label": entity.label,
        "text": str(text)[start:end],
        "score": float(np.mean([word["score"] for word in own])),
        "start": start,
        "end": end,
        "words": (entity.start, entity.end),
    }
