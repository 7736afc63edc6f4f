"""Hidden states of an encoder, with random weights: time doesn't depend on them.

`config` has `library`, `model` (a folder with a config.json), `dtype`, and the sizes `batch`,
`length` and `vocabulary`. A round is one batch, without padding, from arrays to arrays.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .measure import Run, timed, torch_device

CLASSES = 2
"""How many classes a classifier on such an encoder tells apart."""


def prepare(config: dict[str, Any]) -> Run:
    """Makes the model; a round is a batch."""
    made = _transformers if config["library"].startswith("transformers") else _with_keras
    encode = made(config)
    rows = config["batch"], config["length"]

    def run() -> dict[str, float]:
        seconds, hidden = timed(encode)
        if hidden.shape[:2] != rows:
            raise ValueError(f"gave {hidden.shape}; expected {rows} vectors")
        return {"seconds": seconds}

    return run


def token_ids(config: dict[str, Any]) -> np.ndarray:
    """Random ids: int32 [batch, length]."""
    rng = np.random.default_rng(0)
    shape = config["batch"], config["length"]
    return rng.integers(1, config["vocabulary"], shape).astype("int32")


def encoder_inputs(ids: np.ndarray) -> dict[str, np.ndarray]:
    """What an encoder of Keras's libraries takes, of texts that fill their rows."""
    return {"token_ids": ids, "padding_mask": np.ones_like(ids), "segment_ids": np.zeros_like(ids)}


def _with_keras(config: dict[str, Any]) -> Callable[[], Any]:
    if config["library"] == "kerashub":
        import keras_hub as library
    else:
        import hornbook as library
    model = library.models.Backbone.from_preset(
        config["model"], load_weights=False, dtype=config["dtype"]
    )
    inputs = encoder_inputs(token_ids(config))
    return lambda: model.predict_on_batch(inputs)["sequence_output"]


def _transformers(config: dict[str, Any]) -> Callable[[], Any]:
    import torch
    import transformers

    device, dtype = torch_device(), getattr(torch, config["dtype"])
    settings = transformers.AutoConfig.from_pretrained(config["model"])
    model = transformers.AutoModel.from_config(settings, dtype=dtype).eval().to(device)
    forward = torch.compile(model) if "compiled" in config["library"] else model

    def encode() -> Any:
        ids = torch.from_numpy(token_ids(config)).long().to(device)
        with torch.inference_mode():
            outputs = forward(input_ids=ids, attention_mask=torch.ones_like(ids))
        return outputs.last_hidden_state.float().cpu().numpy()

    return encode
