"""Text as Unicode code points."""

from collections.abc import Sequence
from typing import Any

from hornbook.errors import TokenizerError
from hornbook.tokenizers import text_inputs
from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.plain_engine import ENCODINGS, CodepointEngine
from hornbook.tokenizers.plain_text import PlainText
from hornbook.tokenizers.settings import TokenizerSettings
from hornbook.tokenizers.tokenizer import Tokenizer

OUTPUT_KEY = "output_encoding"
"""The key of the settings that holds the encoding of decoded texts."""


class UnicodeCodepointTokenizer(Tokenizer):
    """Turns text into the numbers of its characters, with 0 as padding.

    Follows `keras_nlp.tokenizers.UnicodeCodepointTokenizer`. Zeros leave no text when they are
    decoded.

    Args:
        sequence_length: pad and truncate every text to this number of ids.
        lowercase: fold the case of the text first.
        normalization_form: "NFC", "NFKC", "NFD" or "NFKD": the Unicode normal form that text gets
            first; None leaves it as it is.
        errors: what becomes of bytes and ids that are no text: "replace", "ignore", or "strict",
            which raises an error.
        replacement_char: the code point that replaces them.
        input_encoding: "UTF-8", "UTF-16-BE" or "UTF-32-BE", of texts that are given as bytes.
        output_encoding: one of these for decoded texts, which are bytes unless it is "UTF-8".
        vocabulary_size: greater ids become the last one below it; None leaves them.
        dtype: an integer type, or "string" for tokens instead of ids.

    Raises:
        TokenizerError: when an argument has none of its values.

    Example:
        >>> tokenizer = UnicodeCodepointTokenizer()
        >>> tokenizer("Né")
        array([110, 233], dtype=int32)
        >>> tokenizer.detokenize([110, 233])
        'né'
    """

    def __init__(
        self,
        sequence_length: int | None = None,
        lowercase: bool = True,
        normalization_form: str | None = None,
        errors: str = "replace",
        replacement_char: int = 0xFFFD,
        input_encoding: str = "UTF-8",
        output_encoding: str = "UTF-8",
        vocabulary_size: int | None = None,
        dtype: str = "int32",
    ) -> None:
        if output_encoding not in ENCODINGS:
            raise TokenizerError(
                f"output_encoding is {output_encoding!r}; expected one of {ENCODINGS}"
            )
        text = PlainText(lowercase, normalization_form, errors, replacement_char)
        engine = CodepointEngine(text, input_encoding, vocabulary_size)
        settings = TokenizerSettings(other={OUTPUT_KEY: output_encoding})
        super().__init__(engine, settings, sequence_length, dtype)

    @classmethod
    def accepts(cls, engine: Engine) -> bool:
        return isinstance(engine, CodepointEngine)

    def _encode_inputs(self, inputs: Any) -> tuple[Any, bool]:
        assert isinstance(self.engine, CodepointEngine)
        texts, batched = text_inputs.to_strings(inputs, self.engine.from_bytes)
        return self._encode_arrays(texts), batched

    def _decode(self, rows: Sequence[Sequence[int]], skip_special_tokens: bool) -> list[Any]:
        texts = super()._decode(rows, skip_special_tokens)
        encoding = self.settings.other.get(OUTPUT_KEY, "UTF-8")
        return texts if encoding == "UTF-8" else [text.encode(encoding) for text in texts]
