"""What a step of a running batch did for a request."""

from dataclasses import dataclass

import numpy as np

from hornbook.generation.request import Request
from hornbook.samplers.rows import Results


@dataclass(frozen=True)
class Progress:
    """What a step did for one request.

    Attributes:
        request: as it was submitted.
        start: how many of its tokens were final before, prompt included.
        results: what is final now: tokens int32 [places] and their number, or, from a sampler that
            gives several sequences, [sequences, places] and [sequences].
        done: whether it is finished; its slot is free then.
    """

    request: Request
    start: int
    results: Results
    done: bool

    @property
    def new_tokens(self) -> np.ndarray:
        """The tokens int32 [any] that are new; none from a sampler with several sequences."""
        if np.ndim(self.results.lengths):
            return np.zeros(0, np.int32)
        return self.results.tokens[self.start : int(self.results.lengths)]
