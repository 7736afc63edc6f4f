"""How an encoder's rows are laid out: special tokens around one text, or two."""

from collections.abc import Mapping
from dataclasses import dataclass

from tokenizers import processors

Roles = tuple[str, ...]
STAND_INS: Mapping[str, str] = {"cls_token": "start_token", "sep_token": "end_token"}
"""The role that counts where a tokenizer has no token in another."""


@dataclass(frozen=True)
class RowTemplate:
    """The layout of a row, `prefix first suffix` or `prefix first between second suffix`.

    Tokens are named by their roles; one that the tokenizer hasn't is that of the stand-in's role.
    The default is BERT's (Devlin et al., 2018).

    Attributes:
        prefix: before the first text.
        between: between the texts of a pair.
        suffix: after the last text.
        second_segment: the segment id of a pair's second text and what follows it; that of all
            else is 0.
        last_segment: the segment id of a row's last token, where that is another.

    Example:
        >>> RowTemplate().named(("cls_token",), {"cls_token": "[CLS]", "sep_token": "[SEP]"})
        ['[CLS]']
    """

    prefix: Roles = ("cls_token",)
    between: Roles = ("sep_token",)
    suffix: Roles = ("sep_token",)
    second_segment: int = 1
    last_segment: int | None = None

    def named(self, roles: Roles, tokens: Mapping[str, str]) -> list[str]:
        """The tokens in these roles, given all roles that the tokenizer has.

        Raises:
            KeyError: with the role, when there is no token in it.
        """
        return [tokens.get(role) or tokens[STAND_INS.get(role, role)] for role in roles]

    def processor(
        self, tokens: Mapping[str, str], vocabulary: Mapping[str, int]
    ) -> processors.PostProcessor:
        """What puts the tokens around texts, for the library `tokenizers`."""
        prefix, between, suffix = (
            self.named(roles, tokens) for roles in (self.prefix, self.between, self.suffix)
        )
        second = self.second_segment
        return processors.TemplateProcessing(
            single=[*prefix, "$A", *self._marked(suffix, 0)],
            pair=[*prefix, "$A", *between, f"$B:{second}", *self._marked(suffix, second)],
            special_tokens=[
                (token, vocabulary[token]) for token in dict.fromkeys([*prefix, *between, *suffix])
            ],
        )  # fmt: skip

    def _marked(self, suffix: list[str], segment: int) -> list[str]:
        """The tokens behind the last text, with their segment ids."""
        last = segment if self.last_segment is None else self.last_segment
        segments = [segment] * (len(suffix) - 1) + [last]
        return [f"{token}:{number}" for token, number in zip(suffix, segments, strict=True)]
