"""Whether guesses save more than checking them costs.

What a draft would have guessed can be told afterwards from the tokens alone, where it looks at
nothing else. So it is known what guesses are worth also while none are made, and a text in which
nothing repeats costs nothing but this look.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from hornbook.generation.drafts import Draft

LOOK_STEPS = 8
"""So many steps are taken between two decisions."""
FIRST_COST = 1.25
"""What a step with guesses is taken to cost, in steps without, until it has been measured."""
MARGIN = 1.1
"""Guessing begins where it saves so much more than it costs, and ends where it no longer pays."""
MEMORY = 0.5
"""What a look counts at the next one."""


class DraftGain:
    """Follows what the guesses of a draft save, and what they cost, in a running batch.

    Args:
        draft: guesses tokens.
        count: how many for a step.
        size: the slots of the batch.

    Example:
        >>> from hornbook.generation.drafts import PromptLookup
        >>> gain = DraftGain(PromptLookup(), count=3, size=1)
        >>> gain.enter(0, length=4)
        >>> gain.is_worth([0])
        False
        >>> gain.look(0, np.array([1, 2, 1, 2, 1, 2, 1, 2, 1, 2]), length=10)
        >>> gain.is_worth([0])
        True
    """

    def __init__(self, draft: Draft, count: int, size: int) -> None:
        self._draft = draft
        self._count = count
        self._places = np.zeros(size, int)  # up to which the tokens of each slot were looked at
        self._tokens, self._steps = np.zeros(size), np.zeros(size)
        self._seconds: dict[tuple[Hashable, bool], float] = {}
        self._started: set[tuple[Hashable, bool]] = set()
        self._cost = FIRST_COST
        self._guessing = False

    def enter(self, slot: int, length: int) -> None:
        """Begins with a new request, whose prompt has `length` tokens."""
        # The first token comes with the prompt, whatever the draft.
        self._places[slot] = length + 1
        self._tokens[slot] = self._steps[slot] = 0

    def regroup(self, slots: Sequence[int]) -> None:
        """Makes slot `slots[i]` slot i."""
        tables = self._places, self._tokens, self._steps
        self._places, self._tokens, self._steps = (table[list(slots)] for table in tables)

    def look(self, slot: int, tokens: np.ndarray, length: int) -> None:
        """Sees the tokens int [at least length] that a slot has now, and counts the steps.

        They are those that a draft would have needed, whether it was asked or not.
        """
        made = steps = 0
        while (place := self._places[slot]) < length:
            guesses = self._draft.foretell(tokens[:place], self._count)
            if guesses is None:
                return
            known = tokens[place:length][: self._count]
            wrong = np.flatnonzero(guesses[: len(known)] != known)
            if not len(wrong) and place + self._count >= length:
                break  # it can't be said yet how many stay
            taken = int(wrong[0]) + 1 if len(wrong) else self._count + 1
            self._places[slot] += taken
            made, steps = made + taken, steps + 1
        self._tokens[slot] = self._tokens[slot] * MEMORY + made
        self._steps[slot] = self._steps[slot] * MEMORY + steps

    def clock(self, shape: Hashable, guessing: bool, seconds: float) -> None:
        """Learns how long a step of a batch of such a shape took, with guesses or without."""
        key = (shape, guessing)
        if key not in self._started:
            self._started.add(key)  # the first time it was compiled, or recorded
            return
        self._seconds[key] = min(seconds, self._seconds.get(key, seconds))
        times = [self._seconds.get((shape, each)) for each in (True, False)]
        if times[0] is not None and times[1] is not None:
            self._cost = times[0] / max(times[1], 1e-9)

    def is_worth(self, slots: list[int]) -> bool:
        """Whether the next steps should guess, for the slots that are in use."""
        if not self.chooses:
            return True
        tokens, steps = self._tokens[slots], self._steps[slots]
        rates = np.divide(tokens, steps, out=np.ones(len(slots)), where=steps > 0)
        self._guessing = bool(rates.mean() > self._cost * (1 if self._guessing else MARGIN))
        return self._guessing

    @property
    def chooses(self) -> bool:
        """Whether there are steps without guesses where they aren't worth their cost."""
        return self._draft.foretell(np.zeros(1, np.int32), self._count) is not None
