"""Training by `fit`, with hornbook's or KerasHub's model on any of Keras's backends."""

from collections.abc import Callable
from typing import Any

import numpy as np

from . import notebook_gpt
from .encoding import CLASSES, encoder_inputs


def make(config: dict[str, Any], ids: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    """A call is an epoch over the batches, and gives its loss."""
    if config["library"] == "kerashub":
        import keras_hub as library
    else:
        import hornbook as library
    import keras

    keras.utils.set_random_seed(config["seed"])
    keras.config.set_dtype_policy(config["dtype"])
    inputs: Any = ids
    small = config["model"] in notebook_gpt.SHAPES
    if small:
        model = notebook_gpt.make(config, library)
    elif config["task"] == "TextClassifier":
        model = _classifier(config, library)
        inputs = encoder_inputs(ids)
    else:
        model = _causal_lm(config, library)
        inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    data = _fed(inputs, labels, config["batch"])
    if config["library"] == "hornbook" and not small:
        data["preflight"] = False  # once before many steps, where people train

    def run() -> float:
        return float(model.fit(**data, shuffle=False, verbose=0).history["loss"][-1])

    return run


def _causal_lm(config: dict[str, Any], library: Any) -> Any:
    import keras

    model = library.models.CausalLM.from_preset(
        config["model"], load_weights=False, preprocessor=None, dtype=config["dtype"]
    )
    adam = keras.optimizers.Adam(1e-3)
    if config["library"] == "kerashub":
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=adam, loss=loss)
    else:
        model.compile(optimizer=adam)
    return model


def _classifier(config: dict[str, Any], library: Any) -> Any:
    import keras

    model = library.models.TextClassifier.from_preset(
        config["model"],
        load_weights=False,
        preprocessor=None,
        dtype=config["dtype"],
        num_classes=CLASSES,
    )
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return model


def _fed(inputs: Any, labels: np.ndarray, batch: int) -> dict[str, Any]:
    """What `fit` takes: the arrays, which on TensorFlow go through a dataset without autotuning.

    Its thread sleeps for 10 ms, 20, 40, ..., and the end of an epoch waits until it wakes: epochs
    of all libraries would take 2.6 s or 5.1 s, whatever their steps take.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {"x": inputs, "y": labels, "batch_size": batch}
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(batch)
    return {"x": dataset.with_options(options)}
