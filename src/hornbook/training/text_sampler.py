"""Shows what a model writes while it learns."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras


class TextSampler(keras.callbacks.Callback):
    """Generates from prompts at the end of epochs, and keeps and shows what came out.

    Args:
        prompts: what is continued.
        every: epochs between samples.
        generator: anything with `generate(prompts, **arguments)` that gives a list of strings; by
            default the model that is trained.
        write: what shows a line; standard output by default.
        **arguments: of `generate`, such as `max_length`.

    Attributes:
        samples: epoch, counted from 0, to the texts generated after it.

    Example:
        >>> from hornbook.training import TextSampler
        >>> sampler = TextSampler(["Once upon a time"], every=5, max_length=30)
        >>> sampler.samples
        {}
    """

    def __init__(
        self,
        prompts: Sequence[str],
        every: int = 1,
        generator: Any = None,
        write: Callable[[str], object] | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__()
        self.prompts = list(prompts)
        self.every = every
        self.generator = generator
        self.write = write or _write_line
        self.arguments = arguments
        self.samples: dict[int, list[str]] = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if (epoch + 1) % self.every:
            return
        generator = self.model if self.generator is None else self.generator
        self.samples[epoch] = generator.generate(self.prompts, **self.arguments)
        for text in self.samples[epoch]:
            self.write(f"[epoch {epoch + 1}] {text}")


def _write_line(line: str) -> None:
    sys.stdout.write(f"\n{line}")
    sys.stdout.flush()
