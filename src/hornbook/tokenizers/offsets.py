"""Where in a text its tokens stand."""

from collections.abc import Sequence

import numpy as np

from hornbook.tokenizers import text_inputs
from hornbook.tokenizers.engine import Engine, Offset


class TokenOffsets:
    """What a tokenizer of any kind says of its tokens' places, the same way for all kinds."""

    engine: Engine

    def encode_with_offsets(self, texts: Sequence[str]) -> tuple[list[list[int]], list[np.ndarray]]:
        """Encodes strings to ids, and says which characters of the string each token is.

        White space at a token's ends is left out, which some kinds make part of the token and
        others don't. A token that is nothing of the text (a space that the tokenizer puts before
        it, say) has an end that is its start: that of what follows.

        Args:
            texts: the strings.

        Returns:
            For each text its ids, as from `encode_batch`, and int32 [tokens, 2]: the first
            character of each token, and the one behind its last.

        Raises:
            TokenizerError: when a text can't be encoded; the message says which and why.

        Example:
            >>> from hornbook.tokenizers import WordPieceTokenizer
            >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "the", "qu", "##ick", "fox"])
            >>> rows, offsets = tokenizer.encode_with_offsets(["the  quick fox"])
            >>> offsets[0].tolist()
            [[0, 3], [5, 7], [7, 10], [11, 14]]
        """
        with text_inputs.explained(texts):
            encoded = self.engine.encode_offsets(texts)
        rows = [ids for ids, _ in encoded]
        pairs = zip(texts, encoded, strict=True)
        return rows, [_without_spaces(text, offsets) for text, (_, offsets) in pairs]


def _without_spaces(text: str, offsets: Sequence[Offset]) -> np.ndarray:
    """The offsets, with white space at their ends left out."""
    trimmed = []
    for start, end in offsets:
        token = text[start:end]
        start = end - len(token.lstrip())
        trimmed.append((start, max(start, end - len(token) + len(token.rstrip()))))
    return np.array(trimmed, np.int32).reshape(-1, 2)
