"""What `hornbook train` shows while it runs, on stderr."""

from typing import Any

import keras
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hornbook.cli import console


class TrainingProgress(keras.callbacks.Callback):
    """A bar over all steps on a terminal, and a line with the metrics of each epoch."""

    async_safe = True  # Keras needn't wait for each step to show it

    def __init__(self, steps_per_epoch: int) -> None:
        super().__init__()
        self.steps_per_epoch = steps_per_epoch
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[metrics]}"),
            console=console.stderr(),
            transient=True,
        )

    def on_train_begin(self, logs: Any = None) -> None:
        total = self.params["epochs"] * self.steps_per_epoch
        self.task = self.progress.add_task("training", total=total, metrics="")
        self.progress.start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.progress.update(self.task, advance=1, metrics=_written(logs))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        line = f"epoch {epoch + 1}/{self.params['epochs']}  {_written(logs)}"
        self.progress.console.print(line, highlight=False)

    def on_train_end(self, logs: Any = None) -> None:
        self.progress.stop()


def _written(logs: Any) -> str:
    kept = {name: value for name, value in (logs or {}).items() if name != "learning_rate"}
    return "  ".join(f"{name} {float(value):.4g}" for name, value in kept.items())
