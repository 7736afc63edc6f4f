"""The files of sentence-transformers that say how a text's vector is made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hornbook.errors import ConfigError
from hornbook.layers.pooling import PoolingMode

POOLING_KEYS: dict[PoolingMode, str] = {
    "mean": "pooling_mode_mean_tokens",
    "cls": "pooling_mode_cls_token",
    "last": "pooling_mode_lasttoken",
}
POOLING_NAMES: dict[str, PoolingMode] = {"mean": "mean", "cls": "cls", "lasttoken": "last"}
POOLING_FOLDER = "1_Pooling"
MODULES = "sentence_transformers.models."
SETTINGS_FILE = "config_sentence_transformers.json"


def read_options(folder: Path) -> dict[str, Any]:
    """An embedder's options, as far as a folder holds them.

    Raises:
        ConfigError: when the folder asks for what an embedder here doesn't do.
    """
    options: dict[str, Any] = {}
    if (folder / "modules.json").is_file():
        modules = [_module(module) for module in _read(folder / "modules.json", list)]
        options["normalize"] = False
        for kind, path in modules:
            if kind == "Transformer" and not path:
                continue
            if kind == "Pooling" and path == POOLING_FOLDER:
                options["pooling"] = _read_pooling(folder / path / "config.json")
            elif kind == "Normalize":
                options["normalize"] = True
            else:
                raise ConfigError(
                    f"modules.json has the module {kind} in the folder {path!r}; supported are a "
                    f"Transformer in the folder itself, a Pooling in {POOLING_FOLDER!r} and a "
                    "Normalize. Load the model as a Backbone, and add what it has beyond these."
                )
    if (folder / SETTINGS_FILE).is_file():
        settings = _read(folder / SETTINGS_FILE, dict)
        options["prompts"] = settings.get("prompts") or {}
        options["default_prompt_name"] = settings.get("default_prompt_name")
        if settings.get("similarity_fn_name"):
            options["similarity_name"] = settings["similarity_fn_name"]
    return options


def write_options(
    folder: Path, options: Mapping[str, Any], width: int, sequence_length: int | None
) -> list[str]:
    """Writes what `read_options` reads, and what sentence-transformers needs beside it.

    Args:
        folder: where to.
        options: of the embedder.
        width: how many numbers a vector has.
        sequence_length: the greatest number of tokens, if there is a tokenizer.

    Returns:
        The files' names.
    """
    modules = [("", "Transformer"), (POOLING_FOLDER, "Pooling")]
    if options["normalize"]:
        modules.append(("2_Normalize", "Normalize"))
    files: dict[str, Any] = {
        "modules.json": [
            {"idx": index, "name": str(index), "path": path, "type": MODULES + kind}
            for index, (path, kind) in enumerate(modules)
        ],
        f"{POOLING_FOLDER}/config.json": {
            "word_embedding_dimension": width,
            **{key: mode == options["pooling"] for mode, key in POOLING_KEYS.items()},
            "include_prompt": True,
        },
        SETTINGS_FILE: {
            "prompts": options["prompts"],
            "default_prompt_name": options["default_prompt_name"],
            "similarity_fn_name": options["similarity_name"],
        },
    }
    if sequence_length is not None:
        files["sentence_bert_config.json"] = {
            "max_seq_length": sequence_length,
            "do_lower_case": False,
        }
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (folder / name).write_text(text, "utf-8")
    return list(files)


def _read(path: Path, kind: type) -> Any:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not readable JSON: {error}.") from error
    if not isinstance(content, kind):
        raise ConfigError(f"{path} holds a {type(content).__name__}; expected a {kind.__name__}.")
    return content


def _module(module: Any) -> tuple[str, str]:
    """The kind and the folder of an entry of modules.json."""
    try:
        return module["type"].rpartition(".")[2], module["path"]
    except (TypeError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"modules.json has the entry {module!r}; expected a type and a path."
        ) from error


def _read_pooling(path: Path) -> PoolingMode:
    raw = _read(path, dict)
    # Its sixth version writes one name, or several; each earlier one a truth value for each kind.
    asked = raw.get("pooling_mode") or [
        key for key, value in raw.items() if key.startswith("pooling_mode_") and value
    ]
    names = [asked] if isinstance(asked, str) else list(asked)
    known = {**POOLING_NAMES, **{key: mode for mode, key in POOLING_KEYS.items()}}
    mode = known.get(names[0]) if len(names) == 1 else None
    without_prompt = not raw.get("include_prompt", True)
    if mode is None or (mode == "mean" and without_prompt):
        raise ConfigError(
            f"{path.parent.name}/{path.name} asks for the pooling "
            f"{' and '.join(map(str, names)) or 'of no kind'}"
            f"{' without the prompt' if without_prompt else ''}; supported is one of "
            f"{', '.join(POOLING_KEYS.values())}."
        )
    return mode
