"""What a tokenizer folder says beside its vocabulary: the content of tokenizer_config.json.

The keys that hornbook acts on become fields; all others are kept as they are and written back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from hornbook.errors import TokenizerError
from hornbook.tokenizers.roles import HF_NAMES, token_text

EXTRA_KEYS = ("extra_special_tokens", "additional_special_tokens")
DEFAULT_TEMPLATE = "default"


@dataclass(frozen=True)
class TokenizerSettings:
    """The settings of a tokenizer, apart from its vocabulary.

    Attributes:
        special_tokens: role (`start_token`, `end_token`, `pad_token`, `unk_token`, `cls_token`,
            `sep_token`, `mask_token`) to token.
        extra_special_tokens: special tokens without one of these roles.
        chat_templates: name to Jinja source; the one used by default is named `default`.
        clean_up_spaces: whether decoding removes the spaces before punctuation.
        split_special_tokens: whether special tokens written inside a text are ordinary text.
        other: all other keys of tokenizer_config.json, kept for saving.
    """

    special_tokens: Mapping[str, str] = field(default_factory=dict)
    extra_special_tokens: tuple[str, ...] = ()
    chat_templates: Mapping[str, str] = field(default_factory=dict)
    clean_up_spaces: bool = False
    split_special_tokens: bool = False
    other: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> Self:
        """Reads the content of a tokenizer_config.json.

        Raises:
            TokenizerError: when a value hasn't the form that its key needs.
        """
        other = dict(config)
        special_tokens = {}
        for role, key in HF_NAMES.items():
            if (token := token_text(other.pop(key, None))) is not None:
                special_tokens[role] = token
        return cls(
            special_tokens=special_tokens,
            extra_special_tokens=_extra_tokens(other),
            chat_templates=_chat_templates(other.pop("chat_template", None)),
            clean_up_spaces=bool(other.pop("clean_up_tokenization_spaces", False)),
            split_special_tokens=bool(other.pop("split_special_tokens", False)),
            other=other,
        )

    def to_json(self) -> dict[str, Any]:
        """The content of a tokenizer_config.json that `from_json` reads back to an equal value."""
        config: dict[str, Any] = dict(self.other)
        config.update({HF_NAMES[role]: token for role, token in self.special_tokens.items()})
        if self.extra_special_tokens:
            config["extra_special_tokens"] = list(self.extra_special_tokens)
        if self.chat_templates:
            config["chat_template"] = [
                {"name": name, "template": template}
                for name, template in self.chat_templates.items()
            ]
        config["clean_up_tokenization_spaces"] = self.clean_up_spaces
        if self.split_special_tokens:
            config["split_special_tokens"] = True
        return config


def _extra_tokens(config: dict[str, Any]) -> tuple[str, ...]:
    """Takes the special tokens without a role out of the config, under either of their names."""
    tokens: list[str] = []
    for key in EXTRA_KEYS:
        value = config.pop(key, None) or []
        # A dict names tokens of one model (`{"image_token": "<image>"}`); the names are its own.
        values = value.values() if isinstance(value, Mapping) else value
        if isinstance(values, str):
            raise TokenizerError(f"{key} is {value!r}; expected a list of tokens")
        tokens += [text for text in map(token_text, values) if text is not None]
    return tuple(dict.fromkeys(tokens))


def _chat_templates(value: Any) -> dict[str, str]:
    """Reads a chat template entry: one template, or a list of named ones."""
    match value:
        case None:
            return {}
        case str():
            return {DEFAULT_TEMPLATE: value}
        case Mapping():
            named = list(value.items())
        case list() if all(isinstance(entry, Mapping) for entry in value):
            named = [(entry.get("name"), entry.get("template")) for entry in value]
        case _:
            named = [(None, None)]
    if not all(isinstance(name, str) and isinstance(source, str) for name, source in named):
        raise TokenizerError(
            "chat_template is neither a string nor a list of "
            '{"name": ..., "template": ...} with strings'
        )
    return dict(named)
