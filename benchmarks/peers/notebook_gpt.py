"""One contender of `benchmarks/train.py`: the notebook's small GPT, trained in this process.

It answers each line on its standard input with the seconds that a step took, so that contenders
take turns. It knows hornbook, KerasHub and two forms by hand, and imports no more than one.
"""

import json
import sys
import time

import numpy as np


def batches(config: dict) -> tuple[np.ndarray, np.ndarray]:
    """The same data for all: ids that can be learned, [rows, length] twice."""
    rng = np.random.default_rng(config["seed"])
    rows = config["batch"] * config["steps"]
    steps = rng.integers(1, 7, (rows, config["length"] + 1))
    ids = (np.cumsum(steps, 1) + rng.integers(1, 5000, (rows, 1))) % (config["vocabulary"] - 1) + 1
    return ids[:, :-1].astype("int32"), ids[:, 1:].astype("int32")


def keras_model(config: dict) -> tuple:
    """The notebook's model with the layers of a library; and its loss and metric."""
    import keras

    own = config["library"] != "kerashub"
    if own:
        import hornbook as library
    else:
        import keras_hub as library
    keras.utils.set_random_seed(config["seed"])
    keras.config.set_dtype_policy(config["dtype"])
    vocabulary, length = config["vocabulary"], config["length"]
    inputs = keras.Input((None,), dtype="int32")
    embedding = library.layers.TokenAndPositionEmbedding(
        vocabulary, length, config["width"], mask_zero=True
    )
    x = embedding(inputs)
    for _ in range(config["layers"]):
        x = library.layers.TransformerDecoder(config["width"], config["heads"])(x)
    outputs = keras.layers.Dense(vocabulary)(x)
    metrics = [library.metrics.Perplexity(from_logits=True, mask_token_id=0)]
    if config["library"] == "hornbook":
        loss = library.losses.SparseTokenCrossentropy(mask_token_id=0)
        return library.models.NextTokenModel(inputs, outputs), loss, metrics
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return keras.Model(inputs, outputs), loss, metrics


def with_keras(config: dict):
    """`fit` of a library's model, a call an epoch."""
    model, loss, metrics = keras_model(config)
    model.compile(optimizer="adam", loss=loss, metrics=metrics)
    data = feed(*batches(config), config["batch"])

    def run() -> dict[str, float]:
        history = model.fit(**data, shuffle=False, verbose=0).history
        return {name: values[-1] for name, values in history.items()}

    return run


def feed(x: np.ndarray, y: np.ndarray, batch: int) -> dict:
    """What `fit` takes: the arrays, which on TensorFlow go through a dataset without autotuning.

    Its thread sleeps for 10 ms, 20, 40, ..., and the end of an epoch waits until it wakes: epochs
    of all libraries would take 2.6 s or 5.1 s, whatever their steps take.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return {"x": x, "y": y, "batch_size": batch}
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(batch)
    return {"x": dataset.with_options(options)}


def by_hand(config: dict):
    if config["library"] == "plain jax":
        from by_hand_jax import trainer
    else:
        from by_hand_torch import trainer
    x, y = batches(config)
    step = trainer(config)
    parts = [slice(i, i + config["batch"]) for i in range(0, len(x), config["batch"])]

    def run() -> dict[str, float]:
        losses = [step(x[part], y[part]) for part in parts]
        return {"loss": float(np.mean([float(loss) for loss in losses]))}

    return run


def main() -> None:
    config = json.loads(sys.argv[1])
    run = (by_hand if config["library"].startswith("plain") else with_keras)(config)
    run()  # compiles, and takes what is slow about a first step
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        results = run()
        seconds = (time.perf_counter() - start) / config["steps"]
        print(json.dumps({"seconds": seconds, **results}), flush=True)


if __name__ == "__main__":
    main()
