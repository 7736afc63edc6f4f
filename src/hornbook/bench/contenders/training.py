"""Training steps of one model, by a library or by hand, on the same data.

`config` has `library`, `task` ("CausalLM" or "TextClassifier"), `model` (a folder with a
config.json, or a name of the small GPTs of `notebook_gpt`), `dtype`, the sizes `batch`, `length`,
`steps` and `vocabulary`, and the `seed` of the weights. A round is `steps` steps and gives the
seconds of one, and the loss.
"""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from . import encoding
from .measure import Run, timed, torch_device

Step = Callable[[np.ndarray, np.ndarray], Any]
"""Takes a training step with ids int32 [batch, length] and labels of them; gives the loss."""


def prepare(config: dict[str, Any]) -> Run:
    """Makes the model; a round is a few steps."""
    steps = config["steps"]
    run = _loop(config) if config["library"].startswith(BY_STEP) else _fit(config)

    def one_round() -> dict[str, float]:
        seconds, loss = timed(run)
        return {"seconds": seconds / steps, "loss": loss}

    return one_round


BY_STEP = ("plain", "transformers")


def batches(config: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Ids that can be learned, and the ones after them: int32 [rows, length] twice.

    For a classifier the labels are int32 [rows], whether a row's ids begin high.
    """
    rng = np.random.default_rng(0)
    rows, vocabulary = config["batch"] * config["steps"], config["vocabulary"]
    starts = rng.integers(1, vocabulary, (rows, 1))
    steps = rng.integers(1, 7, (rows, config["length"] + 1))
    ids = (np.cumsum(steps, 1) + starts) % (vocabulary - 1) + 1
    if config["task"] == "TextClassifier":
        return ids[:, :-1].astype("int32"), (starts[:, 0] > vocabulary / 2).astype("int32")
    return ids[:, :-1].astype("int32"), ids[:, 1:].astype("int32")


def _fit(config: dict[str, Any]) -> Callable[[], float]:
    """`fit` of a library of Keras, a call a round."""
    from . import keras_training

    return keras_training.make(config, *batches(config))


def _loop(config: dict[str, Any]) -> Callable[[], float]:
    module = {
        "plain jax": "plain_jax_trainer",
        "plain torch": "plain_torch_trainer",
        "plain torch compiled": "plain_torch_trainer",
    }.get(config["library"])
    step: Step
    if module is None:
        step = _transformers(config)
    else:
        step = importlib.import_module(f".{module}", __package__).make(config)
    ids, labels = batches(config)
    parts = [slice(start, start + config["batch"]) for start in range(0, len(ids), config["batch"])]

    def run() -> float:
        losses = [step(ids[part], labels[part]) for part in parts]
        return float(np.mean([float(loss) for loss in losses]))

    return run


def _transformers(config: dict[str, Any]) -> Step:
    import torch
    import transformers
    from torch.nn import functional

    device = torch_device()
    torch.manual_seed(config["seed"])
    settings = transformers.AutoConfig.from_pretrained(config["model"])
    settings.num_labels = encoding.CLASSES
    auto = {
        "CausalLM": transformers.AutoModelForCausalLM,
        "TextClassifier": transformers.AutoModelForSequenceClassification,
    }[config["task"]]
    options = {"use_cache": False} if config["task"] == "CausalLM" else {}
    model = auto.from_config(settings).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    forward = torch.compile(model) if "compiled" in config["library"] else model
    mixed = config["dtype"] == "mixed_bfloat16"

    def step(ids: np.ndarray, labels: np.ndarray) -> Any:
        optimizer.zero_grad(set_to_none=True)
        x, y = (torch.from_numpy(part).long().to(device) for part in (ids, labels))
        with torch.autocast(device, torch.bfloat16, enabled=mixed):
            logits = forward(input_ids=x, **options).logits
            loss = functional.cross_entropy(logits.float().flatten(0, -2), y.flatten())
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step
