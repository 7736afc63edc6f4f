"""Model configurations as tables that run both ways: `config.json` <-> a family's config.

A family lists one `Field` for each key that shapes the computation, `Fixed` for a key of which
one value is supported, and `Inert` for keys that carry nothing. Any other key is an error, since
a key that is dropped in silence is a model that is wrong in silence.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hornbook.errors import ConfigError

REQUIRED = object()


@dataclass(frozen=True)
class Conversion:
    """How a value in the file becomes a value of the config, and back.

    Attributes:
        read: gives the config's value from the file's.
        write: gives the file's value from the config's.
        whole: whether both are given the whole file, and the whole config, instead of a value.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    whole: bool = False


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _lists(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _none_below_1(value: int) -> int | None:
    return value if value > 0 else None


PLAIN = Conversion(_tuples, _lists)
POSITIVE = Conversion(_none_below_1, lambda value: value or -1)
"""A number above 0, or none, which the file says by -1."""


@dataclass(frozen=True)
class Field:
    """One key of the file and the config attribute that it stands for.

    Attributes:
        key: the key in the file.
        attribute: the name in the config dataclass, or names, whose values the conversion then
            reads and writes as a tuple; an empty tuple for a key that follows from others.
        default: the value in the file's terms where the key is absent, or a function of the whole
            file that gives it where the key is absent or null; without one the key is required.
        conversion: how the value is read and written.
        old_keys: keys of older files that the conversion reads as well; it is then given the
            whole file instead of one value.
        aliases: keys of older files that stand for this one.
        foreign: whether transformers has no such key: it keeps the value, and doesn't use it.
    """

    key: str
    attribute: str | tuple[str, ...]
    default: Any = REQUIRED
    conversion: Conversion = PLAIN
    old_keys: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    foreign: bool = False

    def read(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes' values from the parsed file."""
        whole = self.old_keys or self.conversion.whole
        value = self.conversion.read(raw if whole else self._raw_value(raw))
        if isinstance(self.attribute, tuple):
            return dict(zip(self.attribute, value, strict=True))
        return {self.attribute: value}

    def write(self, config: Any) -> Any:
        """The key's value from the config."""
        if self.conversion.whole:
            return self.conversion.write(config)
        if isinstance(self.attribute, tuple):
            return self.conversion.write(tuple(getattr(config, name) for name in self.attribute))
        return self.conversion.write(getattr(config, self.attribute))

    def _raw_value(self, raw: Mapping[str, Any]) -> Any:
        key = next((key for key in (self.key, *self.aliases) if key in raw), None)
        if key is not None and not (raw[key] is None and callable(self.default)):
            return raw[key]
        if self.default is REQUIRED:
            raise ConfigError(f"The required key '{self.key}' is missing from the model's config.")
        if not callable(self.default):
            return self.default
        try:
            return self.default(raw)
        except KeyError as error:
            raise ConfigError(
                f"The keys '{self.key}' and {error}, one of which is required, are missing from "
                "the model's config."
            ) from error


@dataclass(frozen=True)
class Fixed:
    """A key of which only one value is supported.

    Attributes:
        key: the key in the file.
        value: what it has to be where it is present.
        written: whether transformers of today writes it, and so do we.
        absent: what a file without the key means, if that is another value, so that the key is
            required.
    """

    key: str
    value: Any
    written: bool = True
    absent: Any = REQUIRED

    def check(self, raw: Mapping[str, Any]) -> None:
        value = raw.get(self.key, self.value if self.absent is REQUIRED else self.absent)
        if value != self.value:
            raise ConfigError(f"'{self.key}' is {value!r}, but only {self.value!r} is supported.")


@dataclass(frozen=True)
class Inert:
    """Keys that don't change what the model computes; they are read over and not written."""

    keys: tuple[str, ...]


Row = Field | Fixed | Inert

ANY_MODEL = Inert((
    "_attn_implementation", "_commit_hash", "_name_or_path", "_num_labels", "architectures",
    "auto_map", "chunk_size_feed_forward", "classifier_dropout", "cross_attention_hidden_size",
    "dtype", "finetuning_task", "gradient_checkpointing", "id2label", "is_encoder_decoder",
    "label2id", "model_type", "num_labels", "output_attentions", "output_hidden_states",
    "problem_type", "return_dict", "task_specific_params", "tensors", "tokenizer_class",
    "torch_dtype", "torchscript", "transformers.js_config", "transformers_version", "use_cache",
))  # fmt: skip
"""Keys of any model; "tensors" is no key of the file, but the names of the checkpoint's tensors."""


def read_config(
    raw: Mapping[str, Any], rows: Iterable[Row], config_class: type, *, strict: str = ""
) -> Any:
    """Builds a family's config from a parsed `config.json`.

    Args:
        raw: the parsed file.
        rows: the family's config map.
        config_class: the family's config dataclass.
        strict: only keys that start so have to be known; by default all.

    Raises:
        ConfigError: when a key is unknown, missing, or has an unsupported value.
    """
    rows = (*rows, ANY_MODEL)
    known = set(known_keys(rows))
    unknown = sorted(key for key in raw if key.startswith(strict) and key not in known)
    if unknown:
        raise ConfigError(
            f"Unknown keys in the model's config: {', '.join(unknown)}. hornbook loads only what "
            "it knows how to compute; if a key changes nothing, remove it from the file."
        )
    values = {}
    for row in rows:
        if isinstance(row, Fixed):
            row.check(raw)
        elif isinstance(row, Field):
            values.update(row.read(raw))
    return config_class(**values)


def write_config(config: Any, rows: Sequence[Row], model_type: str) -> dict[str, Any]:
    """Turns a family's config into the contents of a `config.json`."""
    raw: dict[str, Any] = {"model_type": model_type}
    for row in rows:
        if isinstance(row, Fixed):
            if row.written:
                raw[row.key] = row.value
        elif isinstance(row, Field):
            raw[row.key] = row.write(config)
    return raw


def extend(rows: Iterable[Row], *changes: Row, without: Collection[str] = ()) -> tuple[Row, ...]:
    """Another family's config map with changes.

    Args:
        rows: the other family's map.
        changes: rows to add; one takes the place of the row that has the same key.
        without: keys that are left out.
    """
    changed = set(known_keys(changes)) | set(without)
    kept: list[Row] = []
    for row in rows:
        if isinstance(row, Inert):
            kept.append(Inert(tuple(key for key in row.keys if key not in changed)))
        elif row.key not in changed:
            kept.append(row)
    return (*kept, *changes)


def known_keys(rows: Iterable[Row]) -> list[str]:
    """Every key that the rows of a config map account for."""
    keys: list[str] = []
    for row in rows:
        if isinstance(row, Inert):
            keys.extend(row.keys)
        else:
            keys.append(row.key)
            keys.extend((*row.old_keys, *row.aliases) if isinstance(row, Field) else ())
    return keys
