"""The tokenizer interface, written once over an `Engine`."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np

from hornbook.checkpoints.class_presets import ClassPresets
from hornbook.errors import TokenizerError
from hornbook.tokenizers import tensorflow_inputs, text_inputs, token_ids
from hornbook.tokenizers.clean_up import clean_up_spaces
from hornbook.tokenizers.engine import Engine
from hornbook.tokenizers.layer_form import LayerForm
from hornbook.tokenizers.offsets import TokenOffsets
from hornbook.tokenizers.roles import HF_NAMES, SpecialTokens
from hornbook.tokenizers.row_template import RowTemplate
from hornbook.tokenizers.settings import DEFAULT_TEMPLATE, TokenizerSettings

if TYPE_CHECKING:
    from hornbook.tokenizers.stream import StreamDecoder


class Tokenizer(LayerForm, SpecialTokens, TokenOffsets, abc.ABC):
    """Text to token ids and back: the base of all tokenizers.

    A tokenizer is made from a vocabulary by a concrete class's constructor, from files by
    `from_folder`, from a GGUF file's metadata by `from_gguf`, or from its own `get_config`.

    Args:
        engine: the loaded vocabulary.
        settings: special tokens, chat templates, and what else belongs to the vocabulary.
        sequence_length: pad and truncate every text to this number of ids; None: leave it ragged.
        dtype: an integer type, or "string" to get tokens instead of ids.

    Example:
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "the", "qu", "##ick", "fox"])
        >>> tokenizer("the quick fox")
        array([2, 3, 4, 5], dtype=int32)
        >>> tokenizer.detokenize([2, 3, 4, 5])
        'the quick fox'
    """

    presets = ClassPresets()
    hf_class: ClassVar[str] = "PreTrainedTokenizerFast"
    """What a saved folder names as tokenizer_class; this one means: as tokenizer.json says."""
    hf_sentence_piece_class: ClassVar[str | None] = None
    """The same for a folder that holds a tokenizer.model instead of a tokenizer.json."""
    default_special_tokens: ClassVar[Mapping[str, str]] = {}
    """Role to token, for what the files or arguments leave open."""
    row_template: ClassVar[RowTemplate | None] = None
    """How an encoder's rows are laid out; None is the usual way, but not added to a text."""

    def __init__(
        self,
        engine: Engine,
        settings: TokenizerSettings,
        sequence_length: int | None = None,
        dtype: str = "int32",
    ) -> None:
        if sequence_length is not None and sequence_length < 1:
            raise TokenizerError(f"sequence_length is {sequence_length}; expected 1 or more")
        if dtype != "string" and np.dtype(dtype).kind not in "iu":
            raise TokenizerError(f"dtype is {dtype!r}; expected an integer type or 'string'")
        self.engine = engine
        self.settings = settings
        self.sequence_length = sequence_length
        self.dtype = dtype

    # Construction

    @classmethod
    @abc.abstractmethod
    def accepts(cls, engine: Engine) -> bool:
        """Says whether an engine is of the kind that this class is for."""

    @classmethod
    def from_engine(
        cls,
        engine: Engine,
        settings: TokenizerSettings | None = None,
        sequence_length: int | None = None,
        dtype: str = "int32",
    ) -> Self:
        """Builds a tokenizer over a ready engine, passing by the class's own constructor.

        Raises:
            TokenizerError: when the engine is of another kind than the class.
        """
        if cls is Tokenizer:
            from hornbook.tokenizers.kinds import class_for

            chosen = cast(type[Self], class_for(engine))
            return chosen.from_engine(engine, settings, sequence_length, dtype)
        if not cls.accepts(engine):
            raise TokenizerError(
                f"{cls.__name__} can't use a tokenizer of type {engine.model_type}"
                f"{' with U+2581 for spaces' if engine.metaspace else ''}; load it with "
                "hornbook.tokenizers.Tokenizer, which picks the class"
            )
        settings = settings or TokenizerSettings()
        roles = {**engine.roles, **cls.default_special_tokens, **settings.special_tokens}
        known = {r: token for r, token in roles.items() if engine.token_to_id(token) is not None}
        tokenizer = cls.__new__(cls)
        Tokenizer.__init__(
            tokenizer, engine, replace(settings, special_tokens=known), sequence_length, dtype
        )
        return tokenizer

    @classmethod
    def from_folder(cls, path: str | Path, sequence_length: int | None = None) -> Self:
        """Reads a tokenizer from a folder in Hugging Face's format.

        The vocabulary is the folder's `tokenizer.json`; without one `vocab.json` and
        `merges.txt`, `vocab.txt`, or `tokenizer.model`. Settings come from
        `tokenizer_config.json`, `special_tokens_map.json` and `chat_template.jinja`, where these
        exist. On the base class, `Tokenizer.from_folder` picks the class that fits.

        Raises:
            TokenizerError: when the folder holds no tokenizer, or a broken one, or one of another
                kind than this class is for.
        """
        from hornbook.tokenizers.folder import read_folder

        return cls.from_engine(*read_folder(Path(path)), sequence_length=sequence_length)

    @classmethod
    def from_preset(cls, preset: str | Path, **options: Any) -> Self:
        """Loads the tokenizer of a model's checkpoint.

        Args:
            preset: a preset's name, hf://owner/name[@revision], package://module/path, a folder,
                or a `.gguf` file.
            **options: `sequence_length` and `dtype`, as in the constructor.

        Raises:
            PresetError: when the preset leads nowhere, or to a tokenizer of another class.
            TokenizerError: when it has no tokenizer, or a broken one.
        """
        from hornbook.checkpoints.loading import load_tokenizer

        return load_tokenizer(cls, preset, **options)

    @classmethod
    def from_gguf(cls, metadata: Mapping[str, Any], sequence_length: int | None = None) -> Self:
        """Builds the tokenizer that a GGUF file's metadata describes.

        Args:
            metadata: the file's key-value section, with the `tokenizer.*` keys.
            sequence_length: as in the constructor.

        Raises:
            TokenizerError: when the metadata describes no tokenizer, or one that isn't supported.
        """
        from hornbook.tokenizers.gguf import read_gguf_tokenizer

        return cls.from_engine(*read_gguf_tokenizer(metadata), sequence_length=sequence_length)

    def save(self, folder: str | Path) -> None:
        """Writes the tokenizer as a folder that `from_folder` and `transformers` load.

        Those of bytes and code points are not in transformers. A broken save leaves no half file.
        """
        from hornbook.tokenizers.folder import write_folder

        write_folder(self, Path(folder))

    def get_config(self) -> dict[str, Any]:
        """The tokenizer as plain JSON values; `from_config` builds an equal one."""
        from hornbook.tokenizers.kinds import engine_kind

        return {
            "engine": {"kind": engine_kind(self.engine), **self.engine.state()},
            "settings": self.settings.to_json(),
            "sequence_length": self.sequence_length,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Builds the tokenizer that a `get_config` came from."""
        from hornbook.tokenizers.kinds import ENGINES

        try:
            state = dict(config["engine"])
            engine = ENGINES[state.pop("kind")].from_state(state)
            settings = TokenizerSettings.from_json(config["settings"])
            rest = {key: config[key] for key in ("sequence_length", "dtype")}
        except KeyError as error:
            raise TokenizerError(
                f"The config has no {error} entry; expected what {cls.__name__}.get_config() gives"
            ) from error
        return cls.from_engine(engine, settings, **rest)

    # Text to ids

    def __call__(self, inputs: Any) -> Any:
        """Tokenizes; see `tokenize`."""
        return self.tokenize(inputs)

    def tokenize(self, inputs: Any) -> Any:
        """Turns text into ids, without adding special tokens.

        Args:
            inputs: a string (or UTF-8 bytes), a list, tuple or one-dimensional array of strings,
                or a tf string tensor, also inside a `tf.data` graph.

        Returns:
            For one string, int32 `[length]`. For a batch, a list of such arrays, or int32
            `[batch, sequence_length]` if there is a sequence length. For tf tensors the like as
            tf tensors, ragged where there is no sequence length.

        Raises:
            TokenizerError: when the input isn't text, or holds bytes or surrogates that no text
                has.
        """
        if tensorflow_inputs.is_tensorflow(inputs):
            return tensorflow_inputs.tokenize_tensor(self, inputs)
        rows, batched = self._encode_inputs(inputs)
        if self.sequence_length is None:
            arrays = [self._to_array(row) for row in rows]
            return arrays if batched else arrays[0]
        kind = np.int64 if self.dtype == "string" else self.dtype
        table = np.full((len(rows), self.sequence_length), self.pad_token_id or 0, dtype=kind)
        for index, row in enumerate(rows):
            kept = row[: self.sequence_length]
            table[index, : len(kept)] = kept
        padded = self._to_array(table) if self.dtype == "string" else table
        return padded if batched else padded[0]

    def tokenize_flat(self, inputs: Any) -> tuple[np.ndarray, np.ndarray]:
        """Tokenizes texts into one array: the ids of all, and how many each has, int64 [batch]."""
        rows, _ = self._encode_inputs(inputs)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return self._to_array(np.concatenate([np.zeros(0, np.int32), *rows])), lengths

    def _encode_inputs(self, inputs: Any) -> tuple[Sequence[Any], bool]:
        """One row of ids a text, a list or an array, and whether the input was a batch."""
        texts, batched = text_inputs.to_strings(inputs)
        return self._encode_arrays(texts), batched

    def _encode_arrays(self, texts: Sequence[str]) -> list[np.ndarray]:
        with text_inputs.explained(texts):
            return self.engine.encode_arrays(texts)

    def _to_array(self, ids: Any) -> np.ndarray:
        if self.dtype != "string":
            array = np.asarray(ids, dtype=self.dtype)
            # The caller may write to it; an engine's row may be read-only, or a part of a whole.
            return array if array.flags.owndata else array.copy()
        array = np.asarray(ids, dtype=np.int64)
        tokens = np.array([self.id_to_token(i) for i in array.reshape(-1).tolist()], dtype=object)
        return tokens.reshape(array.shape)

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        """Encodes one string; with `add_special_tokens`, as the original tokenizer would."""
        return self.encode_batch([text], add_special_tokens)[0]

    def encode_batch(
        self, texts: Sequence[str], add_special_tokens: bool = False
    ) -> list[list[int]]:
        """Encodes strings to lists of ids; the fast path that preprocessors use.

        Raises:
            TokenizerError: when a text can't be encoded; the message says which and why.
        """
        with text_inputs.explained(texts):
            return self.engine.encode_batch(texts, add_special_tokens)

    # Ids to text

    def detokenize(self, inputs: Any, skip_special_tokens: bool = False) -> Any:
        """Turns ids into text, as the original tokenizer's `decode` does.

        Special tokens, padding included, are part of the text unless `skip_special_tokens`; ids
        above the vocabulary are left out.

        Args:
            inputs: ids `[length]` or `[batch, length]`: lists, arrays, or a backend's tensors.
            skip_special_tokens: leave special tokens out.

        Returns:
            A string for `[length]`, a list of strings for a batch. Inside a TensorFlow graph, a
            string tensor.

        Raises:
            TokenizerError: when the input isn't made of ids.
        """
        if tensorflow_inputs.is_symbolic(inputs):
            return tensorflow_inputs.detokenize_tensor(
                lambda row: self._decode([row.tolist()], skip_special_tokens)[0], inputs
            )
        rows, batched = token_ids.to_id_lists(inputs)
        texts = self._decode(rows, skip_special_tokens)
        return texts if batched else texts[0]

    def _decode(self, rows: Sequence[Sequence[int]], skip_special_tokens: bool) -> list[str]:
        texts = self.engine.decode_batch(rows, skip_special_tokens)
        return [clean_up_spaces(text) for text in texts] if self.cleans_up_spaces else texts

    @property
    def cleans_up_spaces(self) -> bool:
        """Whether decoding ends with removing the spaces before punctuation.

        As in the original, BPE tokenizers don't do it, even where their files ask for it: their
        spaces are the text's own.
        """
        return self.settings.clean_up_spaces and self.engine.model_type != "BPE"

    def stream(self, skip_special_tokens: bool = True) -> "StreamDecoder":
        """A decoder that takes ids one at a time and gives text as soon as it is final.

        What it gives, put together, equals `detokenize` of all ids.
        """
        from hornbook.tokenizers.stream import StreamDecoder

        return StreamDecoder(self, skip_special_tokens)

    # Vocabulary

    def vocabulary_size(self) -> int:
        """The number of tokens, added tokens included."""
        return self.engine.size

    def get_vocabulary(self) -> list[str]:
        """All tokens in the order of their ids."""
        vocabulary = self.engine.vocabulary()
        return sorted(vocabulary, key=vocabulary.__getitem__)

    def id_to_token(self, id: int) -> str:
        """The token of an id.

        Raises:
            TokenizerError: when there is no such id.
        """
        token = self.engine.id_to_token(int(id))
        if token is None:
            raise TokenizerError(
                f"There is no token with id {id}; the vocabulary has {self.vocabulary_size()}"
            )
        return token

    def token_to_id(self, token: str) -> int:
        """The id of a token.

        Raises:
            TokenizerError: when the vocabulary has no such token.
        """
        token_id = self.engine.token_to_id(token)
        if token_id is None:
            raise TokenizerError(f"The token {token!r} is not in the vocabulary")
        return token_id

    # Chats

    @property
    def chat_template(self) -> str | None:
        """The Jinja source that turns a chat into one string, None if there is none."""
        return self.settings.chat_templates.get(DEFAULT_TEMPLATE)

    def apply_chat_template(
        self,
        messages: Iterable[Mapping[str, Any]],
        add_generation_prompt: bool = True,
        tools: Sequence[Mapping[str, Any]] | None = None,
        chat_template: str | None = None,
        **variables: Any,
    ) -> str:
        """Turns a chat into the string that the model was trained on, as `transformers` does.

        Args:
            messages: the turns, each a dict with `role` and `content`.
            add_generation_prompt: end with the beginning of the assistant's turn.
            tools: JSON schemas of the functions that the model may call.
            chat_template: a template's name, or a Jinja source, instead of the default.
            **variables: further values that the template reads.

        Returns:
            The chat as text, with the special tokens written out: encode it without adding more.

        Raises:
            TokenizerError: when there is no template, or it refuses the messages, or it takes too
                long.
        """
        from hornbook.tokenizers.chat_template import pick_template, render

        template = pick_template(
            self.settings.chat_templates, chat_template, with_tools=tools is not None
        )
        named = {HF_NAMES[role]: token for role, token in self.settings.special_tokens.items()}
        return render(
            template,
            messages,
            add_generation_prompt=add_generation_prompt,
            tools=tools,
            variables={**named, **variables},
        )
