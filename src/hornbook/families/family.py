"""What a model family is: a declaration that everything else is derived from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hornbook.checkpoints import config_map, weight_map
from hornbook.checkpoints.source import Preset
from hornbook.layers.head_layers import HeadLayers
from hornbook.tokenizers.spec import TokenizerSpec


@dataclass(frozen=True)
class Head:
    """A task that a family can do, and what the task's head is called in its checkpoints.

    Attributes:
        task: the task's name, such as "CausalLM".
        hf_class: the class of transformers with the same head, written to `config.json`.
        weights: the rows of the head's own weights. Several heads may have rows of the same
            tensor: a checkpoint has that of the head whose class it names.
        layers: the head's structure, for tasks whose families differ in it.
        preprocessor: what makes the task's inputs, where it isn't the task's usual one.
        pooler: whether checkpoints of that class have the backbone's pooler; None is as the
            structure says: where nothing else makes a text's vector.
    """

    task: str
    hf_class: str
    weights: tuple[weight_map.Row, ...] = ()
    layers: HeadLayers | None = None
    preprocessor: type | None = None
    pooler: bool | None = None

    @property
    def has_pooler(self) -> bool:
        """Whether checkpoints with this head have the pooler, if the family has one."""
        if self.pooler is not None:
            return self.pooler
        return self.layers is None or self.layers.pooling == "pooler"


@dataclass(frozen=True)
class GGUFFormat:
    """How llama.cpp's files hold the family; they are read, not written.

    Attributes:
        architectures: values of `general.architecture`; metadata keys in `config` are written
            with "{arch}" in its place.
        config: the config map over the file's metadata.
        weights: the weight map over the file's tensors.
        heads: the rows of each task's head, by the task's name.
        names: what the files' `general.name` holds, in lower case, where the family isn't the only
            one with an architecture; files with other names are then the other one's, which has no
            such names.
    """

    architectures: tuple[str, ...]
    config: tuple[config_map.Row, ...]
    weights: tuple[weight_map.Row, ...]
    heads: Mapping[str, tuple[weight_map.Row, ...]]
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """One model family.

    Attributes:
        name: the folder's name, such as "llama".
        prefix: what its public classes start with, such as "Llama".
        title: the name in prose.
        paper: who described it, and where.
        hf_types: values of `model_type` in `config.json`; the first one is written.
        hf_class: the headless class of transformers.
        hf_prefix: what its tensors' names start with in checkpoints that have a head.
        config_class: a frozen dataclass.
        build: makes the assembly of bricks from a config.
        config: the config map over `config.json`.
        weights: the weight map over safetensors, named as in checkpoints that have a head.
        heads: the tasks.
        tokenizer: what its tokenizer is.
        tiny: configs of a few thousand parameters with odd sizes, by name, for the tests.
        presets: named checkpoints.
        unavailable: names that people know of checkpoints which can't be read here, and of each a
            sentence that says why and what to take instead.
        gguf: how GGUF files hold it, if they do.
        hf_attention: in which of its forms of attention transformers computes what the models were
            trained to compute.
    """

    name: str
    prefix: str
    title: str
    paper: str
    hf_types: tuple[str, ...]
    hf_class: str
    hf_prefix: str
    config_class: type
    build: Callable[[Any], Any]
    config: tuple[config_map.Row, ...]
    weights: tuple[weight_map.Row, ...]
    heads: tuple[Head, ...]
    tokenizer: TokenizerSpec
    tiny: Mapping[str, Any]
    presets: tuple[Preset, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)
    gguf: GGUFFormat | None = field(default=None)
    hf_attention: str = "eager"

    def head(self, task: str) -> Head:
        """The declaration of a task's head."""
        return next(head for head in self.heads if head.task == task)
