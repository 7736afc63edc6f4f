"""Greedy generation by a library or by hand, with random weights: time doesn't depend on them.

`config` has `library`, `model` (a folder with a config.json), `gguf` (the file that it is of, or
None), `dtype`, and the sizes `batch`, `prompt`, `new` and `vocabulary`. With `new` above 1 each
round generates `new` tokens and then 1, and `seconds` is the difference: what all tokens after the
first one cost. With `new` of 1 it is the time to the first token.
"""

import importlib
from collections.abc import Callable
from typing import Any

from .measure import Run, timed, torch_device
from .prompts import Generate, padded, prompts

TRIES = 5
"""Something else may have the machine for so long that the first token takes longer than all."""


def prepare(config: dict[str, Any]) -> Run:
    """Makes the model; a round generates."""
    generate = _maker(config["library"])(config)
    batch, prompt, new = config["batch"], config["prompt"], config["new"]

    def checked(tokens: int) -> float:
        seconds, made = timed(lambda: generate(tokens))
        if made.shape != (batch, prompt + tokens):
            raise ValueError(f"made {made.shape}; expected {batch} rows of {prompt + tokens}")
        return seconds

    def run() -> dict[str, float]:
        if new == 1:
            return {"seconds": checked(1)}
        for _ in range(TRIES):
            whole, first = checked(new), checked(1)
            if whole > first:
                return {"seconds": whole - first, "first_token": first, "whole": whole}
        raise RuntimeError(f"{new} tokens took no longer than one, {TRIES} times: a busy machine?")

    return run


def _maker(library: str) -> Callable[[dict[str, Any]], Generate]:
    if library.startswith("transformers"):
        return _transformers
    if library in MODULES:
        module = importlib.import_module(f".{MODULES[library]}", __package__)
        return module.make
    return {"hornbook": _hornbook, "kerashub": _kerashub}[library]


MODULES = {
    "plain jax": "plain_jax_decoder",
    "plain torch": "plain_torch_decoder",
    "llama.cpp": "gguf_decoder",
}


def _hornbook(config: dict[str, Any]) -> Generate:
    from hornbook.models import CausalLM

    return _with_keras(config, CausalLM, config["gguf"])


def _kerashub(config: dict[str, Any]) -> Generate:
    import keras_hub

    return _with_keras(config, keras_hub.models.CausalLM, None)


def _with_keras(config: dict[str, Any], loader: Any, weights: str | None) -> Generate:
    model = loader.from_preset(
        weights or config["model"],
        load_weights=weights is not None,
        preprocessor=None,
        dtype=config["dtype"],
    )
    model.compile(sampler="greedy")

    def generate(new: int) -> Any:
        return model.generate(padded(config, new), stop_token_ids=None)["token_ids"]

    return generate


def _transformers(config: dict[str, Any]) -> Generate:
    import torch
    import transformers

    device, dtype = torch_device(), getattr(torch, config["dtype"])
    settings = transformers.AutoConfig.from_pretrained(config["model"])
    model = transformers.AutoModelForCausalLM.from_config(settings, dtype=dtype)
    model = model.eval().to(device)
    ids = torch.from_numpy(prompts(config)).long().to(device)
    options: dict[str, Any] = {
        "do_sample": False,
        "pad_token_id": 0,
        "attention_mask": torch.ones_like(ids),
    }
    if "compiled" in config["library"]:
        options["cache_implementation"] = "static"
        if device == "cpu":  # elsewhere `generate` compiles by itself, and records graphs
            model.forward = torch.compile(model.forward)

    def generate(new: int) -> Any:
        with torch.inference_mode():
            made = model.generate(ids, max_new_tokens=new, min_new_tokens=new, **options)
        return made.cpu().numpy()

    return generate
