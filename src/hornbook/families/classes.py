"""The public classes of every family, made from its declaration; nobody writes them out."""

import dataclasses
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import keras

from hornbook.backbones.backbone import Backbone
from hornbook.families.family import Family
from hornbook.families.registry import families
from hornbook.tasks import TASKS, Task
from hornbook.tokenizers import Tokenizer
from hornbook.tokenizers.spec import make_tokenizer_class

MODULE = "hornbook.models"


@cache
def public_classes() -> Mapping[str, type]:
    """Every family's classes by name, such as "LlamaBackbone" or "GPT2CausalLM"."""
    return {made.__name__: made for family in families().values() for made in _classes_of(family)}


def backbone_class(family: Family) -> type[Backbone]:
    """The backbone class of a family."""
    return public_classes()[f"{family.prefix}Backbone"]


def tokenizer_class(family: Family) -> type[Tokenizer]:
    """The tokenizer class of a family."""
    return public_classes()[f"{family.prefix}Tokenizer"]


def task_class(family: Family, task: str) -> type[Task]:
    """The class of one of a family's tasks."""
    return public_classes()[f"{family.prefix}{task}"]


def preprocessor_class(family: Family, task: str = "") -> type:
    """The preprocessor class of one of a family's tasks; without one, that of its backbone."""
    return public_classes()[f"{family.prefix}{task}Preprocessor"]


def family_of(model: Any) -> Family:
    """The family of a backbone."""
    return type(model).family


def family_of_class(cls: type) -> Family | None:
    """The family that a public class is of; None for a class that is of any."""
    return getattr(cls, "family", None)


def _classes_of(family: Family) -> list[type]:
    tokenizer = _make_tokenizer(family)
    made = [_make_backbone(family), tokenizer]
    preprocessors: dict[str, Any] = {
        head.task: head.preprocessor or TASKS[head.task][1] for head in family.heads
    }
    for head in family.heads:
        attributes = {} if head.layers is None else {"head_layers": head.layers}
        name, base = f"{family.prefix}{head.task}", TASKS[head.task][0]
        made.append(_make(name, base, family, f"{family.title}: ", attributes))
    # The backbone's own makes the same inputs as its tasks', and no labels.
    lineage = preprocessors[family.heads[0].task].__mro__
    preprocessors[""] = next(base for base in lineage if not base.makes_labels)
    layers = {head.task: head.layers for head in family.heads}
    for task, base in preprocessors.items():
        name = f"{family.prefix}{task}Preprocessor"
        structure = layers.get(task)
        tokens = {} if structure is None else {"global_tokens": structure.global_tokens}
        made.append(_make(name, base, family, "", {"tokenizer_class": tokenizer, **tokens}))
    return made


def _make_backbone(family: Family) -> type[Backbone]:
    attributes = {
        "config_class": family.config_class,
        "build_assembly": staticmethod(family.build),
        "__signature__": _signature(family.config_class),
        "__doc__": _backbone_doc(family),
    }
    return _make(f"{family.prefix}Backbone", Backbone, family, "", attributes)


def _make_tokenizer(family: Family) -> type:
    made = make_tokenizer_class(
        f"{family.prefix}Tokenizer",
        family.tokenizer,
        f"{family.title}'s tokenizer.\n\n{inspect.getdoc(family.tokenizer.base)}",
    )
    return _register(made, family)


def _make(
    name: str,
    base: type,
    family: Family,
    title: str,
    attributes: Mapping[str, Any] | None = None,
) -> type:
    attributes = {"__doc__": f"{title}{inspect.getdoc(base)}", **(attributes or {})}
    return _register(type(base)(name, (base,), attributes), family)


def _register(made: Any, family: Family) -> type:
    made.__module__ = MODULE
    made.family = family
    return keras.saving.register_keras_serializable(package="hornbook")(made)


def _signature(config_class: type) -> inspect.Signature:
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(field.name, kind, default=field.default, annotation=field.type)
        for field in dataclasses.fields(config_class)
    ]
    parameters += [inspect.Parameter(name, kind, default=None) for name in ("dtype", "name")]
    return inspect.Signature(parameters)


def _backbone_doc(family: Family) -> str:
    config_doc = inspect.getdoc(family.config_class) or ""
    arguments = config_doc.partition("Attributes:")[2]
    return (
        f"{family.title}'s backbone: token ids to hidden states.\n\nFollows {family.paper}.\n\n"
        f"Args:{arguments}\n"
        '    dtype: Keras\'s dtype or policy of all layers, such as "bfloat16".\n'
        "    name: the model's name."
    )
