"""Text as bytes: no vocabulary, and nothing that can't be written."""

from typing import Any

from hornbook.tokenizers import text_inputs
from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.plain_engine import ByteEngine
from hornbook.tokenizers.plain_text import PlainText
from hornbook.tokenizers.settings import TokenizerSettings
from hornbook.tokenizers.tokenizer import Tokenizer


class ByteTokenizer(Tokenizer):
    """Turns text into its UTF-8 bytes: 256 ids, of which 0 is padding.

    Follows `keras_nlp.tokenizers.ByteTokenizer`. Zeros leave no text when they are decoded.

    Args:
        lowercase: fold the case of the text first.
        sequence_length: pad and truncate every text to this number of ids.
        normalization_form: "NFC", "NFKC", "NFD" or "NFKD": the Unicode normal form that text gets
            first; None leaves it as it is.
        errors: what becomes of bytes that are no UTF-8 when they are decoded: "replace", "ignore",
            or "strict", which raises an error.
        replacement_char: the code point that replaces them.
        dtype: an integer type, or "string" for tokens instead of ids.

    Raises:
        TokenizerError: when an argument has none of its values.

    Example:
        >>> tokenizer = ByteTokenizer()
        >>> tokenizer("Hé")
        array([104, 195, 169], dtype=int32)
        >>> tokenizer.detokenize([104, 195, 169])
        'hé'
    """

    def __init__(
        self,
        lowercase: bool = True,
        sequence_length: int | None = None,
        normalization_form: str | None = None,
        errors: str = "replace",
        replacement_char: int = 0xFFFD,
        dtype: str = "int32",
    ) -> None:
        text = PlainText(lowercase, normalization_form, errors, replacement_char)
        super().__init__(ByteEngine(text), TokenizerSettings(), sequence_length, dtype)

    @classmethod
    def accepts(cls, engine: Engine) -> bool:
        return isinstance(engine, ByteEngine)

    def _encode_inputs(self, inputs: Any) -> tuple[Any, bool]:
        assert isinstance(self.engine, ByteEngine)
        texts, batched = text_inputs.to_strings(inputs, self.engine.from_bytes)
        return self._encode_arrays(texts), batched
