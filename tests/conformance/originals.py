"""The oracle: transformers' own models, random, tiny, saved as people find checkpoints."""

import copy
import inspect
import json
from functools import cache, partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import transformers
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint
from transformers.utils import ModelOutput

from conformance.cases import Case
from hornbook.checkpoints.config_map import Field, write_config
from hornbook.families.registry import families

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def config_json(case: Case, config: Any = None) -> dict[str, Any]:
    """The case's config, or another of its family, as the contents of a `config.json`."""
    return write_config(config or case.config, case.family.config, case.family.hf_types[0])


def original_config(raw: dict[str, Any]) -> Any:
    """transformers' config of the contents of a `config.json`, all of which it has to know."""
    values = dict(raw)
    model_type = values.pop("model_type")
    config = transformers.AutoConfig.for_model(model_type)
    unknown = set(values) - set(config.to_dict()) - foreign_keys(model_type)
    assert all(f'"{key}"' in _source(type(config)) for key in unknown), unknown
    return transformers.AutoConfig.for_model(model_type, **values)


@cache
def _source(config_class: type) -> str:
    """The code of transformers' model, which may read keys that its config doesn't declare."""
    return inspect.getsource(inspect.getmodule(transformers.MODEL_MAPPING[config_class]))


def foreign_keys(model_type: str) -> set[str]:
    """Keys that transformers keeps and has no use for."""
    rows = chain.from_iterable(
        family.config for family in families().values() if model_type in family.hf_types
    )
    return {row.key for row in rows if isinstance(row, Field) and row.foreign}


@cache
def original(case: Case, hf_class: str, config: Any = None) -> Any:
    """transformers' model of a case, or of another config of its family.

    It is random, in float32, and has no weight at a special value.
    """
    torch.manual_seed(sum(map(ord, case.name)))
    model = getattr(transformers, hf_class)._from_config(
        original_config(config_json(case, config)),
        attn_implementation=case.family.hf_attention,
        experts_implementation="eager",  # others want widths that are multiples of 16 bytes
    )
    with torch.no_grad():
        for parameter in model.parameters():
            # Fresh norms are all ones and fresh biases all zeros, which would hide a mix-up.
            if parameter.ndim == 1:
                parameter.copy_(parameter[0].round() + 0.2 * torch.randn_like(parameter))
    return model.eval()


def in_half_precision(model: Any) -> Any:
    """A copy of a model of transformers in bfloat16, in which torch has no Fourier transform."""
    half = copy.deepcopy(model).to(torch.bfloat16)
    for module in half.modules():
        if (transform := getattr(module, "fourier_transform", None)) is not None:
            module.fourier_transform = partial(_transform_in_full, transform)
    return half


def _transform_in_full(transform: Any, states: torch.Tensor) -> Any:
    return SimpleNamespace(real=transform(states.float()).real.to(states.dtype))


def save(model: Any, folder: Path, **options: Any) -> Path:
    """Writes a model of transformers to a folder."""
    model.save_pretrained(folder, **options)
    return folder


def read_json(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def run(model: Any, inputs: dict[str, np.ndarray]) -> Any:
    """transformers' outputs for inputs under hornbook's names."""
    names = {"token_ids": "input_ids", "padding_mask": "attention_mask"}
    names["segment_ids"] = "token_type_ids"
    # What else a task of ours is given says which of the original's outputs it computes.
    given = {names[key]: torch.tensor(inputs[key]).long() for key in inputs if key in names}
    if (positions := inputs.get("global_positions")) is not None:
        is_global = positions[..., None] == np.arange(inputs["token_ids"].shape[-1])
        given["global_attention_mask"] = torch.tensor(is_global.any(-2)).long()
    with torch.no_grad():
        if {"score", "sequence_summary"} & dict(model.named_children()).keys():
            return ModelOutput(logits=_row_by_row(model, given))
        return model(**given)


def _row_by_row(model: Any, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """Logits of texts that run alone, without padding, by a model that reads a text's end.

    A decoder would look for that by the token of padding, which here is any token, as it must be
    without effect; another takes the last token, padding or not. Texts may be choices of rows.
    """
    shape = given["attention_mask"].shape[:-1]
    one = (1,) * len(shape)
    flat = {name: value.reshape(-1, *one, value.shape[-1]) for name, value in given.items()}
    lengths = flat["attention_mask"].flatten(1).sum(1).tolist()
    padding_token, model.config.pad_token_id = model.config.pad_token_id, None
    rows = [
        model(**{name: value[row][..., :length] for name, value in flat.items()}).logits
        for row, length in enumerate(lengths)
    ]
    model.config.pad_token_id = padding_token
    return torch.cat(rows) if len(shape) == 1 else torch.cat(rows).reshape(shape)


def gguf_tensors(path: Path, model: Any) -> dict[str, torch.Tensor]:
    """What transformers reads from a GGUF file for one of its models, by its own names."""
    # from_pretrained(gguf_file=...) does the same, but wants a further package.
    read = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=model)
    return {name: torch.as_tensor(tensor) for name, tensor in read["tensors"].items()}
