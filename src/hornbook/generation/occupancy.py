"""Who is in which slot of a running batch, and how far."""

from collections.abc import Sequence

import numpy as np

from hornbook.generation.request import Request


class Occupancy:
    """The requests in slots.

    Args:
        size: how many slots there are.

    Attributes:
        requests: that of each slot, None where it is free.
        starts: int32 [slots], the tokens of each that were given out, prompt included.
        lengths: int32 [slots], the tokens of each.

    Example:
        >>> slots = Occupancy(4)
        >>> slots.enter(2, Request(np.arange(5), limit=9))
        >>> slots.used, slots.longest, slots.limits.tolist()
        ([2], 5, [9])
        >>> slots.regroup([2, 3])
        >>> slots.size, slots.used
        (2, [0])
    """

    def __init__(self, size: int) -> None:
        self.requests: list[Request | None] = [None] * size
        self.starts = np.zeros(size, np.int32)
        self.lengths = np.zeros(size, np.int32)

    @property
    def size(self) -> int:
        """How many slots there are."""
        return len(self.requests)

    @property
    def used(self) -> list[int]:
        """The slots that are in use."""
        return [slot for slot, request in enumerate(self.requests) if request is not None]

    @property
    def free(self) -> list[int]:
        """The slots that aren't in use."""
        return [slot for slot, request in enumerate(self.requests) if request is None]

    @property
    def longest(self) -> int:
        """The tokens of the longest row."""
        return int(self.lengths[self.used].max())

    @property
    def limits(self) -> np.ndarray:
        """The limits of the slots that are in use."""
        return np.array([self.request(slot).limit for slot in self.used])

    def request(self, slot: int) -> Request:
        """The request in a slot that is in use."""
        request = self.requests[slot]
        assert request is not None
        return request

    def enter(self, slot: int, request: Request) -> None:
        """Gives a slot to a request."""
        self.requests[slot] = request
        self.starts[slot] = self.lengths[slot] = len(request.token_ids)

    def leave(self, slot: int) -> None:
        """Makes a slot free."""
        self.requests[slot] = None

    def regroup(self, slots: Sequence[int]) -> None:
        """Makes slot `slots[i]` slot i; one that is named again leaves a free one there."""
        requests: list[Request | None] = []
        for place, slot in enumerate(slots):
            requests.append(None if slot in slots[:place] else self.requests[slot])
        self.requests = requests
        self.starts, self.lengths = self.starts[list(slots)], self.lengths[list(slots)]
