"""Entities written as a tag for each word: where they begin and end."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from hornbook.errors import DataError

Scheme = Literal["IOB2", "IOBES"]
OUTSIDE = "O"
PREFIXES = {"IOB2": "IOB", "IOBES": "IOBES", None: "IOBES"}
UNNAMED = "_"
"""The type of entities whose tags name none."""


class Entity(NamedTuple):
    """Words that are one thing: its type, its first word, and the word behind its last."""

    label: str
    start: int
    end: int


def entities(tags: Sequence[str], scheme: Scheme | None = None) -> list[Entity]:
    """Finds the entities that tags mark.

    A tag is "O", outside of any, or a prefix and a type, as "B-PER": B begins an entity, I is
    inside, E its end, and S an entity of one word.

    Args:
        tags: one a word.
        scheme: "IOB2" or "IOBES" holds to the scheme: an entity that doesn't begin as it should,
            or in IOBES doesn't end so, is none. None reads both, leniently, as the script of the
            CoNLL shared tasks does: an entity begins wherever its type does.

    Raises:
        DataError: when a tag isn't of the scheme.

    Example:
        >>> entities(["B-PER", "I-PER", "O", "I-LOC"])
        [Entity(label='PER', start=0, end=2), Entity(label='LOC', start=3, end=4)]
        >>> entities(["B-PER", "I-PER", "O", "I-LOC"], scheme="IOB2")
        [Entity(label='PER', start=0, end=2)]
    """
    check_scheme(scheme)
    parts = [_split(tag, scheme) for tag in tags]
    return _lenient(parts) if scheme is None else _strict(parts, scheme)


def check_scheme(scheme: str | None) -> None:
    """Raises a DataError for a scheme that isn't known."""
    if scheme not in PREFIXES:
        raise DataError(f"scheme is {scheme!r}; expected 'IOB2', 'IOBES' or None")


def is_tag(label: str) -> bool:
    """Says whether a label is a tag: "O", or a prefix and a type."""
    prefix, dash, _ = label.partition("-")
    return label == OUTSIDE or (bool(dash) and len(prefix) == 1 and prefix in PREFIXES[None])


def _split(tag: str, scheme: Scheme | None) -> tuple[str, str]:
    prefix, _, label = tag.partition("-")
    if len(prefix) != 1 or prefix not in PREFIXES[scheme]:
        raise DataError(
            f"Got the tag {tag!r}; expected 'O', or one of {', '.join(PREFIXES[scheme])}, a hyphen "
            "and a type"
        )
    return prefix, label or UNNAMED


def _lenient(parts: Sequence[tuple[str, str]]) -> list[Entity]:
    found = []
    start = 0
    before, label = OUTSIDE, ""
    for at, (prefix, own) in enumerate([*parts, (OUTSIDE, "")]):
        begins = prefix in "BS" or before in "OES" or own != label
        if before != OUTSIDE and (begins or prefix == OUTSIDE):
            found.append(Entity(label, start, at))
        if prefix != OUTSIDE and begins:
            start = at
        before, label = prefix, own
    return found


def _strict(parts: Sequence[tuple[str, str]], scheme: Scheme) -> list[Entity]:
    found = []
    start: int | None = None
    before, label = OUTSIDE, ""
    for at, (prefix, own) in enumerate([*parts, (OUTSIDE, "")]):
        goes_on = start is not None and prefix in "IE" and before in "BI" and own == label
        if start is not None and not goes_on:
            if scheme == "IOB2" or before in "ES":
                found.append(Entity(label, start, at))
            start = None
        if prefix in "BS":
            start = at
        before, label = prefix, own
    return found
