"""Tokenizer classes of model families: a base class with its special tokens filled in."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.tokenizer import Tokenizer


@dataclass(frozen=True)
class TokenizerSpec:
    """What sets a family's tokenizer apart from its base class.

    Attributes:
        base: the class whose constructor it has.
        special_tokens: role (`start_token`, `end_token`, `pad_token`, `unk_token`, `cls_token`,
            `sep_token`, `mask_token`) to token.
        options: constructor argument to the default that it has instead of the base's.
        hf_class: what a saved folder names as tokenizer_class. The default makes `transformers`
            do what tokenizer.json says.
        hf_sentence_piece_class: the same for a folder that holds a tokenizer.model instead of a
            tokenizer.json. Without it, `transformers` has no class to read such a folder with.
        also: further classes whose files the family's checkpoints come with.
        sentence_piece: arguments of `compute_sentence_piece_proto` that make a model of the
            family's kind.
        row_template: how an encoder's rows are laid out, where not as the base class's.
    """

    base: type[Tokenizer]
    special_tokens: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    hf_class: str = Tokenizer.hf_class
    hf_sentence_piece_class: str | None = None
    also: tuple[type[Tokenizer], ...] = ()
    sentence_piece: Mapping[str, Any] = field(default_factory=dict)
    row_template: RowTemplate | None = None


def make_tokenizer_class(
    name: str, spec: TokenizerSpec, doc: str, module: str = __name__
) -> type[Tokenizer]:
    """Makes a family's tokenizer class.

    Args:
        name: the class's name.
        spec: what sets it apart.
        doc: its docstring.
        module: the module that it says it is from.

    Returns:
        A subclass of `spec.base` with the base's signature, apart from `spec.options`.

    Example:
        >>> from hornbook.tokenizers import BytePairTokenizer
        >>> spec = TokenizerSpec(BytePairTokenizer, {"end_token": "<end>"})
        >>> cls = make_tokenizer_class("MyTokenizer", spec, "My model's tokenizer.")
        >>> cls({"a": 0, "<end>": 1}, merges=[]).end_token_id
        1
    """
    signature = _signature(spec)

    def __init__(self: Tokenizer, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        spec.base.__init__(*bound.args, **bound.kwargs)

    def accepts(cls: type[Tokenizer], engine: Engine) -> bool:
        return any(kind.accepts(engine) for kind in (spec.base, *spec.also))

    __init__.__doc__ = None
    vars(__init__)["__signature__"] = signature
    namespace = {
        "__doc__": doc,
        "__module__": module,
        "__init__": __init__,
        "accepts": classmethod(accepts),
        "default_special_tokens": dict(spec.special_tokens),
        "hf_class": spec.hf_class,
        "hf_sentence_piece_class": spec.hf_sentence_piece_class,
        "row_template": spec.row_template or spec.base.row_template,
    }
    return type(name, (spec.base,), namespace)


def _signature(spec: TokenizerSpec) -> inspect.Signature:
    """The base's signature with the family's defaults."""
    signature = inspect.signature(spec.base.__init__)
    unknown = set(spec.options) - set(signature.parameters)
    if unknown:
        raise TypeError(f"{spec.base.__name__} has no arguments {sorted(unknown)}")
    return signature.replace(
        parameters=[
            parameter.replace(default=spec.options.get(name, parameter.default))
            for name, parameter in signature.parameters.items()
        ]
    )
