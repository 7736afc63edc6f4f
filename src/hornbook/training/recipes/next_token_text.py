"""Text from a plain model of logits, with a sampler in KerasNLP's calling form."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook import samplers
from hornbook.training.recipes.text import start_packer


class NextTokenText:
    """Writes text with any model from ids [batch, length] to logits, for `TextSampler`.

    Each token takes a pass over the whole row: right for small models and samples now and then.

    Args:
        model: the model.
        tokenizer: a tokenizer with a sequence length and the token "[BOS]".
        sampler: a name of `hornbook.samplers`, or a sampler.
    """

    def __init__(self, model: Any, tokenizer: Any, sampler: Any = "top_k") -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.sampler = samplers.get(sampler)

    def generate(self, prompts: Sequence[str], max_length: int) -> list[str]:
        """Continues prompts to `max_length` tokens, the start token included."""
        tokens = np.asarray(start_packer(self.tokenizer)(self.tokenizer(list(prompts))))
        tokens = tokens[:, :max_length]
        filled = tokens != 0

        def next(prompt: Any, cache: Any, index: Any) -> tuple[Any, None, Any]:
            return self.model(prompt)[:, index - 1, :], None, cache

        first = int(filled.sum(axis=1).min())
        output = self.sampler(next=next, prompt=tokens, index=first, mask=filled)
        texts: list[str] = self.tokenizer.detokenize(output, skip_special_tokens=True)
        return texts
