"""`hornbook train`: a language model from text files, in one command."""

import json
import random
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from hornbook.cli import console
from hornbook.cli.arguments import JsonOption
from hornbook.errors import BackendError, DataError

WARM_UP = 0.05  # the share of all steps in which the learning rate rises
VALIDATION = 0.05  # the share of the text that is held out
FRESH_RATE, TUNING_RATE = 1e-3, 2e-5
MAX_GRADIENT_NORM = 1.0

DataOption = Annotated[
    list[str],
    typer.Option(help="A text file, a folder of them, or package://module/path; repeatable."),
]
OutputOption = Annotated[Path, typer.Option(help="The folder for the model and its history.")]
PresetOption = Annotated[
    str | None, typer.Option(help="The model to go on training.", metavar="MODEL")
]
FamilyOption = Annotated[
    str | None, typer.Option(help="The family of a new model (see `hornbook list`).")
]
EpochsOption = Annotated[int, typer.Option(min=1, help="Passes over the text.")]
BatchSizeOption = Annotated[int, typer.Option(min=1, help="Windows in a step.")]
SequenceLengthOption = Annotated[int, typer.Option(min=2, help="Tokens in a window.")]
LearningRateOption = Annotated[
    float | None,
    typer.Option(
        min=0.0, help="The highest.", show_default=f"{FRESH_RATE}; {TUNING_RATE} for a preset"
    ),
]
VocabularySizeOption = Annotated[int, typer.Option(min=257, help="Of a new model.")]
SizeOption = Annotated[int, typer.Option(min=1, help="Of a new model.")]
TrainingSeedOption = Annotated[int, typer.Option(help="Of weights and of the order of the text.")]


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


def fit(model: Any, windows: Any, epochs: int, batch_size: int, rate: float, seed: int) -> Any:
    """Trains with progress on stderr; returns Keras's history as a dict."""
    from hornbook.cli.training_progress import TrainingProgress
    from hornbook.training.corpus import split

    (inputs, labels), validation = split(windows, VALIDATION, seed)
    steps = -(-len(labels) // batch_size)
    compile_for(model, rate, epochs * steps)
    history = model.fit(
        inputs,
        labels,
        validation_data=validation,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=[TrainingProgress(steps)],
        verbose=0,
    )
    return history.history


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


def command(
    data: DataOption,
    output: OutputOption,
    preset: PresetOption = None,
    family: FamilyOption = None,
    epochs: EpochsOption = 1,
    batch_size: BatchSizeOption = 16,
    sequence_length: SequenceLengthOption = 128,
    learning_rate: LearningRateOption = None,
    vocabulary_size: VocabularySizeOption = 4096,
    layers: SizeOption = 4,
    hidden_dim: SizeOption = 256,
    heads: SizeOption = 4,
    seed: TrainingSeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Train a model on text files, from scratch or from a preset.

    Takes either --preset, to go on training a model, or --family, to make a new one with a
    tokenizer of its own. Writes a Hugging Face folder with the history and its curve.
    """
    if (preset is None) == (family is None):
        raise typer.BadParameter("expected either --preset or --family", param_hint="--preset")
    if learning_rate == 0:
        raise typer.BadParameter("nothing is learned at 0", param_hint="--learning-rate")
    console.quiet_libraries()
    from hornbook.training.corpus import make_windows, read_texts

    texts = read_texts(data)
    output.mkdir(parents=True, exist_ok=True)  # so that a wrong path is known before hours are lost
    with console.stderr().status("preparing"):
        from hornbook.cli.fresh_model import Sizes, make_model

        # What Keras draws its seeds and its order from; its own function would import TensorFlow.
        random.seed(seed)
        np.random.seed(seed)
        if family is None:
            model = load(str(preset), sequence_length)
        else:
            sizes = Sizes(vocabulary_size, layers, hidden_dim, heads, sequence_length)
            model = make_model(family, texts, sizes)
        windows = make_windows(model.preprocessor.tokenizer, texts, sequence_length)
    console.remark(
        f"{len(texts)} texts, {windows[1].size:,} tokens, {model.count_params():,} parameters"
    )
    rate = learning_rate or (TUNING_RATE if preset else FRESH_RATE)
    history = fit(model, windows, epochs, batch_size, rate, seed)
    final = {name: values[-1] for name, values in history.items()}
    result = {**final, **save(model, history, output)}
    if as_json:
        console.write_json(result)
        return
    for name, value in result.items():
        typer.echo(f"{name}: {value}")
