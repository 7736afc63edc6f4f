"""The roles that special tokens play, and what tokenizer_config.json calls them."""

from collections.abc import Container, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hornbook.errors import TokenizerError

if TYPE_CHECKING:
    from hornbook.tokenizers.engine import Engine
    from hornbook.tokenizers.settings import TokenizerSettings

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
    """A property that gives the token playing a role, None if there is none."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.__doc__ = f"The {role.replace('_', ' ')}, None if there is none."

    def __get__(self, owner: "SpecialTokens | None", kind: type | None = None) -> str | None:
        return None if owner is None else owner.settings.special_tokens.get(self.role)


class RoleId:
    """A property that gives the id of the token playing a role, None if there is none."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.__doc__ = f"The id of the {role.replace('_', ' ')}, None if there is none."

    def __get__(self, owner: "SpecialTokens | None", kind: type | None = None) -> int | None:
        token = None if owner is None else owner.settings.special_tokens.get(self.role)
        return None if owner is None or token is None else owner.engine.token_to_id(token)


class SpecialTokens:
    """The part of a tokenizer's interface that is about its special tokens."""

    engine: "Engine"
    settings: "TokenizerSettings"

    start_token = Role("start_token")
    end_token = Role("end_token")
    pad_token = Role("pad_token")
    unk_token = Role("unk_token")
    mask_token = Role("mask_token")
    cls_token = Role("cls_token")
    sep_token = Role("sep_token")
    start_token_id = RoleId("start_token")
    end_token_id = RoleId("end_token")
    pad_token_id = RoleId("pad_token")
    unk_token_id = RoleId("unk_token")
    mask_token_id = RoleId("mask_token")
    cls_token_id = RoleId("cls_token")
    sep_token_id = RoleId("sep_token")

    @property
    def special_token_ids(self) -> frozenset[int]:
        """The ids that `skip_special_tokens` leaves out of decoded text."""
        return self.engine.special_token_ids

    @property
    def adds_start_token(self) -> bool:
        """Whether the original tokenizer puts the start token before a text by itself."""
        return self.start_token_id is not None and self.start_token_id in self.engine.added.prefix

    @property
    def adds_end_token(self) -> bool:
        """Whether the original tokenizer puts the end token after a text by itself."""
        return self.end_token_id is not None and self.end_token_id in self.engine.added.suffix


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
