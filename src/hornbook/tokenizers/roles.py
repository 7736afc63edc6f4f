"""The roles that special tokens play, and what tokenizer_config.json calls them."""

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hornbook.errors import TokenizerError

if TYPE_CHECKING:
    from hornbook.tokenizers.tokenizer import Tokenizer

HF_NAMES: Mapping[str, str] = {
    "start_token": "bos_token",
    "end_token": "eos_token",
    "pad_token": "pad_token",
    "unk_token": "unk_token",
    "cls_token": "cls_token",
    "sep_token": "sep_token",
    "mask_token": "mask_token",
}
"""Role, named as KerasNLP's properties are, to Hugging Face's key."""


class Role:
    """A tokenizer's property that gives the token playing a role, None if there is none."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.__doc__ = f"The {role.replace('_', ' ')}, None if there is none."

    def __get__(self, tokenizer: "Tokenizer | None", owner: type | None = None) -> str | None:
        return None if tokenizer is None else tokenizer.settings.special_tokens.get(self.role)


class RoleId:
    """A tokenizer's property that gives the id of the token playing a role, None if none does."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.__doc__ = f"The id of the {role.replace('_', ' ')}, None if there is none."

    def __get__(self, tokenizer: "Tokenizer | None", owner: type | None = None) -> int | None:
        token = None if tokenizer is None else tokenizer.settings.special_tokens.get(self.role)
        return None if tokenizer is None or token is None else tokenizer.engine.token_to_id(token)


def token_text(token: Any) -> str | None:
    """The text of a special token in a JSON file: a string or an added token's dict."""
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) and token else None


def require_in_vocabulary(tokens: Iterable[str], vocabulary: Container[str]) -> None:
    """Raises a TokenizerError that names the tokens that the vocabulary lacks, if it lacks any."""
    missing = [token for token in dict.fromkeys(tokens) if token not in vocabulary]
    if missing:
        raise TokenizerError(
            f"Not in the vocabulary: {', '.join(map(repr, missing))}; add them to it, or name "
            "others with special_tokens= or unsplittable_tokens="
        )
