"""The models that benchmarks run: a shape that is known by name, or whatever hornbook opens."""

import json
import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hornbook.bench.bounds import Sizes
from hornbook.bench.contenders.notebook_gpt import SHAPES as NOTEBOOKS
from hornbook.bench.process import Job, ask
from hornbook.errors import BenchmarkError, PresetError

SHAPES = Path(__file__).parent / "shapes"
DEFAULT = "gpt-2-124m"
QUICK = "tiny"
ENCODER = "encoder-110m"
QUICK_ENCODER = "tiny-encoder"
NOTEBOOK = "notebook"
"""The first of the small GPTs of layers that only `train` knows; they have no config.json."""


@dataclass(frozen=True)
class Model:
    """A model as all contenders can read it.

    Attributes:
        name: what the user called it.
        folder: with a config.json in Hugging Face's format.
        gguf: the GGUF file that it comes from, or None.
    """

    name: str
    folder: Path
    gguf: Path | None

    @property
    def is_notebook(self) -> bool:
        """Whether it is one of the small GPTs of layers."""
        return self.name in NOTEBOOKS

    @cached_property
    def sizes(self) -> Sizes:
        """Its numbers, counted in a process of its own: this one shall hold no accelerator."""
        if self.is_notebook:
            return _notebook_sizes(**NOTEBOOKS[self.name])
        config = {"model": str(self.folder), "warm_up": False}
        return Sizes.of(ask(Job("the model's sizes", "sizes", config, Path(sys.executable))))

    @property
    def config(self) -> dict[str, Any]:
        """The config.json."""
        return dict(json.loads((self.folder / "config.json").read_text("utf-8")))


def shape_names() -> list[str]:
    """The shapes that have a name.

    Example:
        >>> shape_names()
        ['decoder-1b', 'encoder-110m', 'gpt-2-124m', 'smollm2-135m', 'tiny', 'tiny-encoder']
    """
    return sorted(path.stem for path in SHAPES.glob("*.json"))


def open_model(name: str, workspace: Path) -> Model:
    """Writes a model's config.json into a folder of the workspace.

    Args:
        name: of a shape, or any handle of hornbook: a preset, a folder, a `.gguf` file, ...
        workspace: a folder that is there as long as the benchmark runs.

    Raises:
        BenchmarkError: when the name leads nowhere.
    """
    if name in NOTEBOOKS:
        return Model(name, workspace, None)
    folder = workspace / "model"
    folder.mkdir()
    gguf = None
    if name in shape_names():
        shutil.copy(SHAPES / f"{name}.json", folder / "config.json")
    else:
        gguf = _write_config_of(name, folder / "config.json")
    return Model(Path(name).name, folder, gguf)


def _notebook_sizes(layers: int, heads: int, width: int, vocabulary: int) -> Sizes:
    inner = width // heads * heads
    matrices, head = layers * (4 * width * inner + 2 * width**2), width * vocabulary
    return Sizes(
        parameters=matrices + 2 * head,
        read_parameters=matrices + head,
        matrix_parameters=matrices,
        head_parameters=head,
        attention_width=layers * inner,
        cache_width=2 * layers * inner,
        vocabulary_size=vocabulary,
    )


def _write_config_of(handle: str, target: Path) -> Path | None:
    """Writes the config.json of a checkpoint; gives its file if that is a GGUF file."""
    from hornbook.checkpoints.config_map import write_config
    from hornbook.checkpoints.opened import open_checkpoint

    try:
        opened = open_checkpoint(handle)
    except PresetError as error:
        shapes = ", ".join(shape_names())
        notebooks = " and ".join(NOTEBOOKS)
        raise BenchmarkError(
            f"{error}. The shapes that have a name are {shapes}, and for train {notebooks}"
        ) from error
    if opened.gguf is None:
        shutil.copy(opened.path / "config.json", target)
        return None
    family = opened.family
    config = {
        "architectures": [family.head("CausalLM").hf_class],
        **write_config(opened.config, family.config, family.hf_types[0]),
    }
    target.write_text(json.dumps(config, indent=2), "utf-8")
    return opened.path
