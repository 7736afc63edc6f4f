"""From a preset to a model: one way for every family, class and format."""

import inspect
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import keras

from hornbook.backbones.construction import initialize, set_value, without_values
from hornbook.checkpoints.opened import OpenCheckpoint, open_checkpoint
from hornbook.errors import CheckpointError, HornbookWarning, PresetError, TokenizerError
from hornbook.families import classes
from hornbook.tokenizers import Tokenizer
from hornbook.tokenizers.folder import has_tokenizer
from hornbook.tokenizers.kinds import as_class

AUTO = "auto"


def load_backbone(
    cls: type,
    preset: str | Path,
    *,
    load_weights: bool = True,
    dtype: Any = None,
    name: str | None = None,
    **overrides: Any,
) -> Any:
    """Loads a backbone.

    Args:
        cls: `Backbone`, or a family's backbone class, which the checkpoint has to be of.
        preset: a preset's name, hf://owner/name[@revision], package://module/path, a folder, or a
            `.gguf` file.
        load_weights: False gives fresh weights instead.
        dtype: Keras's dtype or policy, whatever the checkpoint's is; float32 by default.
        name: the model's name.
        **overrides: config attributes to change, such as `dropout=0.0`.

    Raises:
        PresetError: when the preset leads nowhere, or to another family than the class's.
        CheckpointError: when the weights are broken or don't fit the config.
        ConfigError: when the config can't be read.
    """
    opened = open_checkpoint(preset, overrides, classes.family_of_class(cls))
    made = classes.backbone_class(opened.family)
    _check_fits(cls, made, preset)
    if not load_weights:
        return _make_backbone(made, opened, dtype, name)
    with without_values():
        backbone = _make_backbone(made, opened, dtype, name)
    _fill(backbone, opened)
    return backbone


def load_task(
    cls: type[Any],
    preset: str | Path,
    *,
    load_weights: bool = True,
    dtype: Any = None,
    preprocessor: Any = AUTO,
    name: str | None = None,
    **overrides: Any,
) -> Any:
    """Loads a task: backbone, head, tokenizer and settings.

    Args:
        cls: `CausalLM`, `TextEmbedder`, ..., or a family's class, which the checkpoint has to be
            of.
        preset: as for `load_backbone`.
        load_weights: False gives fresh weights instead.
        dtype: Keras's dtype or policy; float32 by default.
        preprocessor: one to use instead of the checkpoint's, or None for a task that takes token
            ids. A checkpoint without a tokenizer gives None by itself.
        name: the model's name.
        **overrides: arguments of the task, such as `pooling`, or config attributes.

    Raises:
        PresetError, CheckpointError, ConfigError: as for `load_backbone`.
        TokenizerError: when the tokenizer is broken or has more tokens than the model.
    """
    task = cls.name_in_families
    accepted = set(inspect.signature(cls).parameters)
    task_options = {key: overrides.pop(key) for key in list(overrides) if key in accepted}
    opened = open_checkpoint(preset, overrides, classes.family_of_class(cls))
    made = _task_class(opened, task, preset)
    _check_fits(cls, made, preset)
    if preprocessor == AUTO:
        preprocessor = _read_preprocessor(opened, task)
    saved = _saved_task_options(made, opened)
    options = made.merge_options(saved, task_options)

    def build() -> Any:
        backbone = _make_backbone(classes.backbone_class(opened.family), opened, dtype, None)
        return made(backbone, preprocessor=preprocessor, name=name, **options)

    if load_weights:
        with without_values():
            model = build()
        _fill(model, opened, task, _head_is(made, opened, made.head_fits(saved, options)))
        model.compile_by_default()
    else:
        model = build()
    model.generation_config = opened.json_file("generation_config.json")
    return model


def load_tokenizer(cls: type, preset: str | Path, **options: Any) -> Any:
    """Loads a checkpoint's tokenizer, as `cls` or as its family's class.

    Raises:
        PresetError: when the checkpoint is of another family than the class's.
        TokenizerError: when it has no tokenizer, or a broken one.
    """
    opened = open_checkpoint(preset, wanted=classes.family_of_class(cls))
    tokenizer = read_tokenizer(opened)
    if tokenizer is None:
        raise TokenizerError(
            f"{opened.path} has no tokenizer; expected a tokenizer.json, or another file of the "
            "formats that hornbook.tokenizers.Tokenizer.from_folder reads."
        )
    _check_fits(cls, type(tokenizer), preset)
    for key, value in options.items():
        setattr(tokenizer, key, value)
    return tokenizer


def load_preprocessor(cls: type, preset: str | Path, **options: Any) -> Any:
    """Loads a preprocessor, as the family's class of the kind `cls`, with these arguments."""
    opened = open_checkpoint(preset, wanted=classes.family_of_class(cls))
    for task in (*(head.task for head in opened.family.heads), ""):
        made = classes.preprocessor_class(opened.family, task)
        if issubclass(made, cls):
            loaded = _read_preprocessor(opened, task, options)
            if loaded is None:
                raise TokenizerError(f"{opened.path} has no tokenizer, so no preprocessor.")
            return loaded
    raise _wrong_class(cls, classes.backbone_class(opened.family), preset)


def read_tokenizer(opened: OpenCheckpoint) -> Tokenizer | None:
    """The checkpoint's tokenizer; None where it has no file of one.

    Raises:
        TokenizerError: when it is broken, or has more tokens than the model.
    """
    if opened.gguf is not None:
        tokenizer = Tokenizer.from_gguf(opened.gguf.metadata)
    elif has_tokenizer(opened.path):
        tokenizer = Tokenizer.from_folder(opened.path)
    else:
        return None
    size = tokenizer.vocabulary_size()
    if size > opened.config.vocabulary_size:
        raise TokenizerError(
            f"The tokenizer in {opened.path} has {size} tokens, but the model's vocabulary_size "
            f"is {opened.config.vocabulary_size}; they are of different models."
        )
    return as_class(tokenizer, classes.tokenizer_class(opened.family))


def _read_preprocessor(
    opened: OpenCheckpoint, task: str, options: Mapping[str, Any] | None = None
) -> Any:
    tokenizer = read_tokenizer(opened)
    if tokenizer is None:
        return None
    made = classes.preprocessor_class(opened.family, task)
    known = inspect.signature(made).parameters
    longest = _embedders_length(opened, task) or known["sequence_length"].default
    saved = opened.settings.get("preprocessor", {})
    arguments = {
        "sequence_length": min(longest, opened.config.max_sequence_length),
        # Another task's may have more.
        **{name: value for name, value in saved.items() if name in known},
        **(options or {}),
    }
    return made(tokenizer, **arguments)


def _embedders_length(opened: OpenCheckpoint, task: str) -> int | None:
    """How many tokens of a text sentence-transformers reads, where a folder is of its layout."""
    length = opened.json_file("sentence_bert_config.json").get("max_seq_length")
    if length or task != "TextEmbedder" or not opened.has_file("modules.json"):
        return length
    # Its sixth version leaves that to the tokenizer, for which a huge number is none.
    return opened.json_file("tokenizer_config.json").get("model_max_length")


def _saved_task_options(made: type[Any], opened: OpenCheckpoint) -> dict[str, Any]:
    if opened.gguf is not None:
        return {}
    settings = opened.settings
    own = settings.get("task_options", {}) if settings.get("task") == made.name_in_families else {}
    # The field's own files are what other programs change.
    return {**own, **made.read_options(opened.path)}


def _head_is(
    made: type[Any], opened: OpenCheckpoint, fits: bool
) -> Literal["required", "optional", "unread"]:
    """Whether a task's head is read of a checkpoint, or may be missing there."""
    if not made.starts_fresh:
        return "required"
    head = opened.family.head(made.name_in_families)
    named = opened.json_file("config.json").get("architectures") or [head.hf_class]
    return "optional" if fits and head.hf_class in named else "unread"


def _make_backbone(made: type, opened: OpenCheckpoint, dtype: Any, name: str | None) -> Any:
    try:
        return made(**vars(opened.config), dtype=dtype, name=name)
    except ValueError as error:
        raise CheckpointError(f"The config in {opened.path} makes no model: {error}") from error


def _fill(
    model: keras.Model,
    opened: OpenCheckpoint,
    task: str | None = None,
    head: Literal["required", "optional", "unread"] = "required",
) -> None:
    weights = {variable.path: variable for variable in held_by_checkpoints(model.variables)}
    shapes = {path: tuple(variable.shape) for path, variable in weights.items()}
    for path, value in opened.weights(task, shapes, head=head):
        set_value(weights.pop(path), value)
    fresh = sorted(path for path, variable in weights.items() if variable.trainable)
    if fresh:
        warnings.warn(
            f"{opened.path} has no weights for {', '.join(fresh)}; they start from fresh values, "
            "so train the model before you use it.",
            HornbookWarning,
            stacklevel=5,
        )
    initialize(model.variables)


def held_by_checkpoints(variables: Iterable[Any]) -> list[Any]:
    """The variables that checkpoints hold: all but the states of random number generators."""
    return [variable for variable in variables if "seed_generator" not in variable.path]


def _task_class(opened: OpenCheckpoint, task: str, preset: str | Path) -> type[Any]:
    tasks = [head.task for head in opened.family.heads]
    if task not in tasks:
        raise PresetError(
            f"'{preset}' is a {opened.family.title} checkpoint, a family that has no {task}; "
            f"it has {', '.join(tasks)}."
        )
    return classes.task_class(opened.family, task)


def _check_fits(asked: type, found: type, preset: str | Path) -> None:
    if not issubclass(found, asked):
        raise _wrong_class(asked, found, preset)


def _wrong_class(asked: type, found: type, preset: str | Path) -> PresetError:
    return PresetError(
        f"'{preset}' is not a checkpoint for {asked.__name__}; load it with {found.__name__}, or "
        "with the class that picks the family by itself."
    )
