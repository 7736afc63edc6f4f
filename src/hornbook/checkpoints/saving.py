"""From a model to a folder that transformers and hornbook load."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

import hornbook
from hornbook.backbones.adaptation import is_adapted, linear_bricks, merged_kernel
from hornbook.checkpoints.config_map import write_config
from hornbook.checkpoints.opened import SETTINGS_FILE
from hornbook.checkpoints.safetensors_files import write_safetensors
from hornbook.checkpoints.staging import publish, staging_folder
from hornbook.checkpoints.weight_map import Row, is_of_pooler, write_weights
from hornbook.families.classes import family_of
from hornbook.tokenizers.folder import remove_stale

MAX_SHARD_SIZE = "5GB"


def save_backbone(
    backbone: Any, folder: str | Path, *, max_shard_size: int | str = MAX_SHARD_SIZE
) -> None:
    """Writes a backbone as transformers' headless model of the family.

    Args:
        backbone: the model.
        folder: where to; made if need be. What is there stays whole until all is written. What
            LoRA learned is added to the kernels, and quantized kernels are written as floats.
        max_shard_size: above this size the weights are split: bytes, or a string as "500MB".
    """
    family = family_of(backbone)
    folder = Path(folder)
    prefix = family.hf_prefix + "."
    tensors = _tensors(backbone, family.weights, backbone.config)
    headless = ((name.removeprefix(prefix), tensor) for name, tensor in tensors)
    with staging_folder(folder) as staging:
        _write_json(staging / "config.json", _config_json(backbone, family.hf_class))
        write_safetensors(folder, headless, max_shard_size)
        publish(staging, folder, ["config.json"])


def save_task(task: Any, folder: str | Path, *, max_shard_size: int | str = MAX_SHARD_SIZE) -> None:
    """Writes a task: model with head, tokenizer, and the settings of task and preprocessor.

    Arguments are those of `save_backbone`.
    """
    family = family_of(task.backbone)
    head = family.head(task.name_in_families)
    folder = Path(folder)
    rows = tuple(row for row in family.weights if head.has_pooler or not is_of_pooler(row))
    tensors = _tensors(task, (*rows, *head.weights), task.backbone.config)
    if head.hf_class == family.hf_class:
        prefix = family.hf_prefix + "."
        tensors = ((name.removeprefix(prefix), tensor) for name, tensor in tensors)
    with staging_folder(folder) as staging:
        names = ["config.json", SETTINGS_FILE, *task.write_options(staging)]
        config = {**_config_json(task.backbone, head.hf_class), **task.config_entries()}
        _write_json(staging / "config.json", config)
        _write_json(staging / SETTINGS_FILE, _settings_json(task))
        if task.name_in_families == "CausalLM":
            names.append("generation_config.json")
            _write_json(staging / "generation_config.json", _generation_json(task))
        if task.preprocessor is not None:
            task.preprocessor.tokenizer.save(staging)
            names = sorted({*names, *_files(staging)})
        write_safetensors(folder, tensors, max_shard_size)
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
        publish(staging, folder, names)
    if task.preprocessor is not None:
        remove_stale(folder, names)


def _files(folder: Path) -> Iterator[str]:
    return (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _tensors(
    model: keras.Model, rows: tuple[Row, ...], config: Any
) -> Iterator[tuple[str, np.ndarray]]:
    variables = {variable.path: variable for variable in model.variables}
    adapted = {brick.kernel.path: brick for brick in linear_bricks(model) if is_adapted(brick)}

    def value(path: str) -> np.ndarray:
        return merged_kernel(adapted[path]) if path in adapted else _as_numpy(variables[path])

    return write_weights(value, rows, config)


def _as_numpy(variable: keras.Variable) -> np.ndarray:
    if keras.backend.backend() == "torch" and variable.dtype == "bfloat16":
        import ml_dtypes
        import torch

        bits = variable.value.detach().cpu().contiguous().view(torch.int16).numpy()
        return bits.view(ml_dtypes.bfloat16)
    return keras.ops.convert_to_numpy(variable.value)


def _config_json(backbone: Any, hf_class: str) -> dict[str, Any]:
    family = family_of(backbone)
    return {
        "architectures": [hf_class],
        **write_config(backbone.config, family.config, family.hf_types[0]),
        "dtype": backbone.token_embedding.variable_dtype,
    }


def _settings_json(task: Any) -> dict[str, Any]:
    settings = {
        "hornbook_version": hornbook.__version__,
        "task": task.name_in_families,
        "task_options": task.task_options,
    }
    if task.preprocessor is not None:
        config = task.preprocessor.get_config()
        settings["preprocessor"] = {k: v for k, v in config.items() if k != "tokenizer"}
    return settings


def _generation_json(task: Any) -> dict[str, Any]:
    config = task.backbone.config
    special = {
        "bos_token_id": config.start_token_id,
        "eos_token_id": config.end_token_id,
        "pad_token_id": config.pad_token_id,
    }
    return {**special, **task.generation_config}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
