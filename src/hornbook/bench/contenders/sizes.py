"""How large hornbook's model of a config.json or a GGUF file is: numbers, not bytes."""

from math import prod
from typing import Any

from .measure import Run, timed


def prepare(config: dict[str, Any]) -> Run:
    """`config` has `model`; no weights are made."""

    def run() -> dict[str, float]:
        from hornbook.backbones.construction import without_values
        from hornbook.models import CausalLM

        with without_values():
            seconds, model = timed(
                lambda: CausalLM.from_preset(config["model"], load_weights=False, preprocessor=None)
            )
        return {"seconds": seconds, **_sizes(model)}

    return run


def _sizes(model: Any) -> dict[str, float]:
    assembly = model.backbone.assembly
    tied = model.lm_head is None
    tables = [
        brick
        for brick in (assembly.token_embedding, assembly.position_embedding)
        if brick is not None and not (tied and brick is assembly.token_embedding)
    ]
    looked_up = {id(variable) for table in tables for variable in table.variables}
    weights = [v for v in model.variables if "seed_generator" not in v.path]
    read = [variable for variable in weights if id(variable) not in looked_up]
    head = assembly.token_embedding.variables[0] if tied else model.lm_head.kernel
    matrices = [v for v in read if len(v.shape) > 1 and v is not head]
    attentions = [layer.attention for layer in assembly.layers]
    return {
        "parameters": _count(weights),
        "read_parameters": _count(read),
        "matrix_parameters": _count(matrices),
        "head_parameters": _count([head]),
        "attention_width": sum(a.num_query_heads * a.head_dim for a in attentions),
        "cache_width": sum(2 * a.num_key_value_heads * a.head_dim for a in attentions),
        "vocabulary_size": model.backbone.config.vocabulary_size,
    }


def _count(variables: list[Any]) -> int:
    return sum(prod(variable.shape) for variable in variables)
