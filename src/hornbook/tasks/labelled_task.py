"""Tasks that tell labels apart, and how `config.json` holds the labels."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from hornbook.errors import ConfigError, DataError
from hornbook.layers.head_layers import HeadLayers
from hornbook.tasks.task import Task

DEFAULT_CLASSES = 2


class LabelledTask(Task):
    """Base of tasks whose last layer has a score for each of some labels.

    The labels' names and the dropout rate are read from a checkpoint's `config.json`, and written
    there, as transformers does it. A subclass sets `labels` and `dropout` in its constructor.

    Attributes:
        labels: the labels' names, in the order of the scores.
        dropout: the rate of the head's dropout, in training; None is the backbone's.
    """

    starts_fresh = True
    head_layers: ClassVar[HeadLayers]
    labels: tuple[str, ...]
    dropout: float | None

    @property
    def num_classes(self) -> int:
        """How many labels there are."""
        return len(self.labels)

    def label_number(self, label: str | int) -> int:
        """The number of a label, given its name; a number stays what it is.

        Raises:
            DataError: when the model has no label of that name.
        """
        if not isinstance(label, str):
            return int(label)
        if label not in self.labels:
            raise DataError(
                f"Got the label {label!r}; this model's labels are {', '.join(self.labels)}. Name "
                "others when it is made, with labels=[...]."
            )
        return self.labels.index(label)

    @property
    def task_options(self) -> dict[str, Any]:
        return {"labels": list(self.labels), "dropout": self.dropout}

    @classmethod
    def read_options(cls, folder: Path) -> dict[str, Any]:
        raw = read_config_json(folder)
        options: dict[str, Any] = {}
        if raw.get("id2label"):
            options["labels"] = _names(raw["id2label"])
        elif isinstance(raw.get("num_labels"), int):
            options["labels"] = list(label_names(None, raw["num_labels"]))
        return {**options, **read_dropout(cls.head_layers, raw)}

    @classmethod
    def merge_options(cls, saved: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        merged = {**saved, **given}
        if given.get("labels") is None and given.get("num_classes") not in (
            None,
            len(saved.get("labels", ())),
        ):
            merged.pop("labels", None)  # another number of labels is asked for
        return merged

    @classmethod
    def head_fits(cls, saved: dict[str, Any], options: dict[str, Any]) -> bool:
        before = saved.get("labels") or label_names(None, None)
        return len(before) == len(label_names(options.get("labels"), options.get("num_classes")))

    def config_entries(self) -> dict[str, Any]:
        entries: dict[str, Any] = {
            "id2label": {str(index): name for index, name in enumerate(self.labels)},
            "label2id": {name: index for index, name in enumerate(self.labels)},
        }
        return {**entries, **dropout_entry(self.head_layers, self.dropout)}


def label_names(labels: Sequence[str] | None, num_classes: int | None) -> tuple[str, ...]:
    """The labels' names: as given, or "LABEL_0", "LABEL_1", ..., as transformers names them.

    Raises:
        ConfigError: when there are other names than the number says, none, or equal ones.
    """
    if labels is None:
        number = DEFAULT_CLASSES if num_classes is None else num_classes
        if number < 1:
            raise ConfigError(f"num_classes is {number}; expected 1 or more.")
        return tuple(f"LABEL_{index}" for index in range(number))
    if num_classes not in (None, len(labels)):
        raise ConfigError(f"num_classes is {num_classes}, but there are {len(labels)} labels.")
    if not labels or len(set(labels)) < len(labels):
        raise ConfigError(f"The labels are {list(labels)}; expected one or more, all different.")
    return tuple(labels)


def read_dropout(layers: HeadLayers, raw: Mapping[str, Any]) -> dict[str, float]:
    """The argument `dropout` as a `config.json` has it, if it has it."""
    rate = None if layers.dropout_key is None else raw.get(layers.dropout_key)
    return {} if rate is None else {"dropout": rate}


def dropout_entry(layers: HeadLayers, dropout: float | None) -> dict[str, float]:
    """What `read_dropout` reads."""
    return {} if layers.dropout_key is None or dropout is None else {layers.dropout_key: dropout}


def read_config_json(folder: Path) -> dict[str, Any]:
    """A folder's `config.json`; empty where there is none."""
    path = folder / "config.json"
    raw: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return raw


def _names(id2label: Any) -> list[str]:
    try:
        by_id = {int(index): str(name) for index, name in id2label.items()}
        return [by_id[index] for index in range(len(by_id))]
    except (AttributeError, KeyError, ValueError) as error:
        raise ConfigError(
            f"id2label is {id2label!r}; expected names for the numbers from 0 on."
        ) from error
