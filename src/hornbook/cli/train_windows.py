"""One model, trained on text in windows: what `hornbook train` does without a recipe."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.cli import console
from hornbook.errors import BackendError, DataError

WARM_UP = 0.05  # the share of all steps in which the learning rate rises
VALIDATION = 0.05  # the share of the text that is held out
FRESH_RATE, TUNING_RATE = 1e-3, 2e-5
MAX_GRADIENT_NORM = 1.0
DEFAULTS: dict[str, Any] = {
    "epochs": 1,
    "batch_size": 16,
    "sequence_length": 128,
    "vocabulary_size": 4096,
    "layers": 4,
    "hidden_dim": 256,
    "heads": 4,
    "seed": 0,
}


def prepare(
    texts: Sequence[str], preset: str | None, family: str | None, options: dict[str, Any]
) -> tuple[Any, Any]:
    """Loads or makes a model, and cuts the texts into windows for it.

    Args:
        texts: documents.
        preset: the model to load, or
        family: the family of a new one.
        options: the command's, with `DEFAULTS` for those that weren't given.
    """
    from hornbook.cli.fresh_model import Sizes, make_model
    from hornbook.training.corpus import make_windows

    # What Keras draws its seeds and its order from; its own function would import TensorFlow.
    random.seed(options["seed"])
    np.random.seed(options["seed"])
    length = options["sequence_length"]
    if family is None:
        model = load(str(preset), length)
    else:
        sizes = Sizes(
            options["vocabulary_size"],
            options["layers"],
            options["hidden_dim"],
            options["heads"],
            length,
        )
        model = make_model(family, texts, sizes)
    return model, make_windows(model.preprocessor.tokenizer, texts, length)


def load(model: str, sequence_length: int) -> Any:
    """Loads a pretrained model to train on."""
    from hornbook.models import CausalLM

    loaded = CausalLM.from_preset(model)
    longest = loaded.backbone.config.max_sequence_length
    if loaded.preprocessor is None:
        raise DataError(f"{model} has no tokenizer, so it can't be trained on text")
    if sequence_length > longest:
        raise DataError(f"--sequence-length is {sequence_length}, but {model} reads {longest}")
    return loaded


def compile_for(model: Any, learning_rate: float, steps: int) -> None:
    """Compiles with AdamW, a warm-up and a cosine decay to a tenth."""
    import keras

    from hornbook.losses import SparseTokenCrossentropy
    from hornbook.metrics import Perplexity

    warm_up = max(int(WARM_UP * steps), 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / warm_up,
        decay_steps=max(steps - warm_up, 1),
        alpha=0.1,
        warmup_target=learning_rate,
        warmup_steps=warm_up,
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(
            schedule, weight_decay=0.1, beta_2=0.95, global_clipnorm=MAX_GRADIENT_NORM
        ),
        loss=SparseTokenCrossentropy(),
        weighted_metrics=[Perplexity(from_logits=True)],
    )


def fit_arguments(model: Any, windows: Any, options: dict[str, Any]) -> dict[str, Any]:
    """Holds some windows out, compiles the model, and gives what its `fit` is to be called with."""
    from hornbook.training.corpus import split

    (inputs, labels), validation = split(windows, VALIDATION, options["seed"])
    steps = -(-len(labels) // options["batch_size"])
    compile_for(model, options["learning_rate"], options["epochs"] * steps)
    return {
        "x": inputs,
        "y": labels,
        "validation_data": validation,
        "epochs": options["epochs"],
        "batch_size": options["batch_size"],
    }


def fit(model: Any, arguments: dict[str, Any]) -> dict[str, list[float]]:
    """Trains with progress on stderr; returns Keras's history as a dict."""
    from hornbook.cli.training_progress import TrainingProgress

    steps = -(-len(arguments["y"]) // arguments["batch_size"])
    history = model.fit(**arguments, callbacks=[TrainingProgress(steps)], verbose=0)
    curves: dict[str, list[float]] = history.history
    return curves


def save(model: Any, history: Any, output: Path) -> dict[str, str]:
    """Writes the model, its history, and a picture of it where matplotlib is installed."""
    from hornbook.training import plot_history

    model.save_to_preset(output)
    written = {"model": output, "history": output / "history.json"}
    written["history"].write_text(json.dumps(history, indent=2) + "\n", "utf-8")
    try:
        written["curve"] = plot_history(history, output / "history.png")
    except BackendError as error:
        console.remark(f"no curve was drawn: {error}")
    return {name: str(path) for name, path in written.items()}
