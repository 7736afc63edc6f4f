"""Decoding one token at a time, for text that is shown while it is generated."""

from typing import TYPE_CHECKING

from hornbook.tokenizers.decoding_steps import SpaceCleaner, Step, decoding_steps

if TYPE_CHECKING:
    from hornbook.tokenizers.tokenizer import Tokenizer


class StreamDecoder:
    """Takes token ids one at a time and gives text as soon as no later token can change it.

    All that `push` and `finish` give, put together, equals `tokenizer.detokenize` of all ids.
    Never is a part of a character given. The work per token doesn't grow with the text. Decoders
    that need the whole text (CTC's, say) give all of it in `finish`.

    Args:
        tokenizer: whose ids they are.
        skip_special_tokens: leave special tokens out of the text.

    Example:
        >>> from hornbook.tokenizers import BytePairTokenizer
        >>> tokenizer = BytePairTokenizer({"h": 0, "Ã": 1, "©": 2}, merges=[])
        >>> stream = tokenizer.stream()
        >>> [stream.push(id) for id in (0, 1, 2)], stream.finish()
        (['h', '', 'é'], '')
    """

    def __init__(self, tokenizer: "Tokenizer", skip_special_tokens: bool = True) -> None:
        engine = tokenizer.engine
        self._engine = engine
        self._skipped = engine.special_token_ids if skip_special_tokens else frozenset()
        self._steps: list[Step] = decoding_steps(engine.decoder, engine.decode_tokens)
        if tokenizer.cleans_up_spaces:
            self._steps.append(SpaceCleaner())

    def push(self, id: int) -> str:
        """Takes the next id and gives the text that is final now, often that of earlier ids."""
        id = int(id)
        token = None if id in self._skipped else self._engine.id_to_token(id)
        return "" if token is None else self._run(token, 0)

    def finish(self) -> str:
        """Gives what is left at the end, an unfinished character as U+FFFD."""
        text = ""
        for index, step in enumerate(self._steps):
            text += "".join(self._run(token, index + 1) for token in step.finish())
        return text

    def _run(self, token: str, start: int) -> str:
        """Sends a token through the steps from `start` on."""
        if start == len(self._steps):
            return token
        return "".join(self._run(given, start + 1) for given in self._steps[start].push(token))
