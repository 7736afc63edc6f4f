"""How large hornbook's model of a config.json or a GGUF file is: numbers, not bytes."""

from math import prod
from typing import Any

from .measure import Run, timed


def prepare(config: dict[str, Any]) -> Run:
    """`config` has `model`; no weights are made."""

    def run() -> dict[str, float]:
        from hornbook.backbones.construction import without_values

        with without_values():
            seconds, (backbone, head) = timed(lambda: _make(config["model"]))
        return {"seconds": seconds, **_sizes(backbone, head)}

    return run


def _make(folder: str) -> tuple[Any, Any]:
    """A backbone, and the kernel that a language model projects to the vocabulary by, or None."""
    from hornbook.checkpoints.opened import open_checkpoint
    from hornbook.models import Backbone, CausalLM

    heads = [head.task for head in open_checkpoint(folder).family.heads]
    if "CausalLM" not in heads:
        return Backbone.from_preset(folder, load_weights=False), None
    model = CausalLM.from_preset(folder, load_weights=False, preprocessor=None)
    if model.lm_head is None:
        return model.backbone, model.backbone.token_embedding.variables[0]
    return model.backbone, model.lm_head.kernel


def _sizes(backbone: Any, head: Any) -> dict[str, float]:
    assembly = backbone.assembly
    tables = [assembly.token_embedding, assembly.position_embedding]
    tables += [getattr(assembly, "segment_embedding", None)]
    looked_up = {id(v) for table in tables if table is not None for v in table.variables}
    weights = [v for v in backbone.variables if "seed_generator" not in v.path]
    in_backbone = any(variable is head for variable in weights)
    read = [variable for variable in weights if id(variable) not in looked_up]
    matrices = [v for v in read if len(v.shape) > 1]
    heads = [] if head is None else [head]
    attentions = [layer.attention for layer in assembly.layers]
    return {
        "parameters": _count(weights if in_backbone else [*weights, *heads]),
        "read_parameters": _count([*read, *heads]),
        "matrix_parameters": _count(matrices),
        "head_parameters": _count(heads),
        "attention_width": sum(a.num_query_heads * a.head_dim for a in attentions),
        "cache_width": sum(2 * a.num_key_value_heads * a.head_dim for a in attentions),
        "vocabulary_size": backbone.config.vocabulary_size,
    }


def _count(variables: list[Any]) -> int:
    return sum(prod(variable.shape) for variable in variables)
