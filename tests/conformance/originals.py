"""The oracle: transformers' own models, random, tiny, saved as people find checkpoints."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from conformance.cases import Case
from hornbook.checkpoints.config_map import write_config

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def config_json(case: Case, config: Any = None) -> dict[str, Any]:
    """The case's config, or another of its family, as the contents of a `config.json`."""
    return write_config(config or case.config, case.family.config, case.family.hf_types[0])


def original_config(raw: dict[str, Any]) -> Any:
    """transformers' config of the contents of a `config.json`, all of which it has to know."""
    values = dict(raw)
    model_type = values.pop("model_type")
    assert set(values) <= set(transformers.AutoConfig.for_model(model_type).to_dict())
    return transformers.AutoConfig.for_model(model_type, **values)


@cache
def original(case: Case, hf_class: str, config: Any = None) -> Any:
    """transformers' model of a case, or of another config of its family.

    It is random, in float32, and has no weight at a special value.
    """
    torch.manual_seed(sum(map(ord, case.name)))
    model = getattr(transformers, hf_class)._from_config(
        original_config(config_json(case, config)), attn_implementation="eager"
    )
    with torch.no_grad():
        for parameter in model.parameters():
            # Fresh norms are all ones and fresh biases all zeros, which would hide a mix-up.
            if parameter.ndim == 1:
                parameter.copy_(parameter[0].round() + 0.2 * torch.randn_like(parameter))
    return model.eval()


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
    with torch.no_grad():
        return model(**{names[key]: torch.tensor(value).long() for key, value in inputs.items()})


def gguf_tensors(path: Path, model: Any) -> dict[str, torch.Tensor]:
    """What transformers reads from a GGUF file for one of its models, by its own names."""
    # from_pretrained(gguf_file=...) does the same, but wants a further package.
    read = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=model)
    return {name: torch.as_tensor(tensor) for name, tensor in read["tensors"].items()}
