"""Tokenizers as folders in Hugging Face's format."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken

from hornbook.checkpoints.staging import publish, staging_folder
from hornbook.errors import TokenizerError
from hornbook.tokenizers.engine import Added, Engine
from hornbook.tokenizers.plain_engine import PLAIN_FILE, read_plain
from hornbook.tokenizers.roles import token_text
from hornbook.tokenizers.rust_engine import RustEngine
from hornbook.tokenizers.sentence_piece_engine import SentencePieceEngine
from hornbook.tokenizers.settings import DEFAULT_TEMPLATE, TokenizerSettings

if TYPE_CHECKING:
    from hornbook.tokenizers.tokenizer import Tokenizer

CONFIG = "tokenizer_config.json"
TEMPLATE = "chat_template.jinja"
MORE_TEMPLATES = "additional_chat_templates"
MODEL_FILES = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "spm.model")
STALE = (PLAIN_FILE, "tokenizer.json", "special_tokens_map.json", "added_tokens.json", TEMPLATE)
"""Files of an earlier tokenizer in the same folder that would change what is read back."""


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a file that `read_folder` reads a vocabulary from."""
    names = (PLAIN_FILE, "tokenizer.json", "vocab.json", "vocab.txt", *MODEL_FILES)
    return any((folder / name).is_file() for name in names)


def read_folder(folder: Path) -> tuple[Engine, TokenizerSettings]:
    """Reads a tokenizer's vocabulary and settings from a folder.

    Raises:
        TokenizerError: when the folder holds no tokenizer, or a broken one.
    """
    if not folder.is_dir():
        raise TokenizerError(f"{folder} is no folder; expected one with a tokenizer.json")
    config = _read_config(folder)
    try:
        settings = TokenizerSettings.from_json(config)
    except TokenizerError as error:
        raise TokenizerError(f"{folder / CONFIG}: {error}") from error
    if (folder / PLAIN_FILE).is_file():
        return _read_plain(folder / PLAIN_FILE), settings
    if (folder / "tokenizer.json").is_file():
        source = folder / "tokenizer.json"
        engine: Engine = RustEngine.from_json(
            _read_text(source), str(source), settings.split_special_tokens
        )
    elif (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
        engine = _read_byte_pair(folder, config, settings)
    elif (folder / "vocab.txt").is_file():
        engine = _read_word_piece(folder, config, settings)
    else:
        return _read_sentence_piece(folder, config, settings), settings
    assert isinstance(engine, RustEngine)
    return engine.with_added_tokens(_missing_tokens(folder, config, settings, engine)), settings


def _read_config(folder: Path) -> dict[str, Any]:
    """tokenizer_config.json, with what older folders keep in files beside it."""
    config = _read_json(folder / CONFIG)
    if "added_tokens_decoder" not in config:
        config.update(_read_json(folder / "special_tokens_map.json"))
    templates = {
        path.stem: _read_text(path) for path in sorted((folder / MORE_TEMPLATES).glob("*.jinja"))
    }
    if (folder / TEMPLATE).is_file():
        templates = {DEFAULT_TEMPLATE: _read_text(folder / TEMPLATE), **templates}
    if templates:
        config["chat_template"] = templates
    return config


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(_read_text(path))
    except (ValueError, RecursionError) as error:
        raise TokenizerError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise TokenizerError(f"{path} holds {type(content).__name__}; expected a JSON object")
    return content


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        raise TokenizerError(f"Can't read {path}: {error}") from error


def _read_plain(path: Path) -> Engine:
    try:
        return read_plain(_read_text(path))
    except TokenizerError as error:
        raise TokenizerError(f"{path}: {error}") from error


def _read_byte_pair(folder: Path, config: Mapping[str, Any], settings: TokenizerSettings) -> Engine:
    from hornbook.tokenizers.byte_pair import BytePairTokenizer

    start = settings.special_tokens.get("start_token") if config.get("add_bos_token") else None
    return BytePairTokenizer(
        folder / "vocab.json",
        folder / "merges.txt",
        add_prefix_space=bool(config.get("add_prefix_space", False)),
        special_tokens={"start_token": start} if start else None,
        add_start_token=bool(start),
    ).engine


def _read_word_piece(
    folder: Path, config: Mapping[str, Any], settings: TokenizerSettings
) -> Engine:
    from hornbook.tokenizers.word_piece import WordPieceTokenizer

    lowercase = bool(config.get("do_lower_case", True))
    strip_accents = config.get("strip_accents")
    return WordPieceTokenizer(
        folder / "vocab.txt",
        lowercase=lowercase,
        strip_accents=lowercase if strip_accents is None else bool(strip_accents),
        split_on_cjk=bool(config.get("tokenize_chinese_chars", True)),
        oov_token=settings.special_tokens.get("unk_token", "[UNK]"),
        special_tokens_in_strings=not settings.split_special_tokens,
    ).engine


def _read_sentence_piece(
    folder: Path, config: Mapping[str, Any], settings: TokenizerSettings
) -> Engine:
    path = next((folder / name for name in MODEL_FILES if (folder / name).is_file()), None)
    if path is None:
        raise TokenizerError(
            f"{folder} holds no tokenizer; expected tokenizer.json, vocab.json with merges.txt, "
            f"vocab.txt, or one of {', '.join(MODEL_FILES)}"
        )
    try:
        plain = SentencePieceEngine(path.read_bytes())
    except (OSError, TokenizerError) as error:
        raise TokenizerError(f"Can't read {path}: {error}") from error
    added = {
        token.content: token.special for token in _missing_tokens(folder, config, settings, plain)
    }
    return plain.with_added_tokens(
        added, _added_around(plain, settings, config), settings.split_special_tokens
    )


def _added_around(engine: Engine, settings: TokenizerSettings, config: Mapping[str, Any]) -> Added:
    """What `add_bos_token` and `add_eos_token` in a config put around a text."""
    roles = {**engine.roles, **settings.special_tokens}

    def ids(key: str, role: str) -> tuple[int, ...]:
        token_id = engine.token_to_id(roles.get(role, "")) if config.get(key) else None
        return () if token_id is None else (token_id,)

    return Added(ids("add_bos_token", "start_token"), ids("add_eos_token", "end_token"))


def _missing_tokens(
    folder: Path, config: Mapping[str, Any], settings: TokenizerSettings, engine: Engine
) -> list[AddedToken]:
    """The added tokens that the files beside the vocabulary name and the engine lacks."""
    tokens: dict[str, AddedToken] = {}
    decoder = config.get("added_tokens_decoder") or {}
    try:
        for _, token in sorted(decoder.items(), key=lambda item: int(item[0])):
            tokens[token["content"]] = _added_token(token)
        older = _read_json(folder / "added_tokens.json")
        for content in sorted(older, key=older.__getitem__):
            tokens.setdefault(content, AddedToken(content, special=False, normalized=True))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TokenizerError(f"The added tokens in {folder} are not readable: {error}") from error
    for content in [*settings.special_tokens.values(), *settings.extra_special_tokens]:
        if content not in tokens or not tokens[content].special:
            tokens[content] = AddedToken(content, special=True, normalized=False)
    return [token for content, token in tokens.items() if content not in engine.added_tokens]


def _added_token(token: Mapping[str, Any]) -> AddedToken:
    flags = ("single_word", "lstrip", "rstrip", "normalized", "special")
    content = token_text(token)
    if content is None:
        raise ValueError(f"{token!r} has no content")
    return AddedToken(content, **{flag: bool(token[flag]) for flag in flags if flag in token})


def write_folder(tokenizer: "Tokenizer", folder: Path) -> None:
    """Writes a tokenizer as `read_folder` and `transformers` read it: all files, or none.

    Files of an earlier tokenizer that would be read together with the new one are removed.
    """
    config = tokenizer.settings.to_json()
    files = tokenizer.engine.files()
    has_json = "tokenizer.json" in files
    hf_class = tokenizer.hf_class if has_json else tokenizer.hf_sentence_piece_class
    if hf_class is not None:
        config.setdefault("tokenizer_class", hf_class)
    if tokenizer.settings.chat_templates.keys() == {DEFAULT_TEMPLATE}:
        del config["chat_template"]
        files[TEMPLATE] = tokenizer.settings.chat_templates[DEFAULT_TEMPLATE].encode()
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False)
    files[CONFIG] = (text + "\n").encode()
    with staging_folder(folder) as staging:
        for name, content in files.items():
            (staging / name).write_bytes(content)
        publish(staging, folder, list(files))
    remove_stale(folder, files)


def remove_stale(folder: Path, written: Collection[str]) -> None:
    """Removes the files of an earlier tokenizer that the one just written did not replace."""
    for name in STALE:
        if name not in written:
            (folder / name).unlink(missing_ok=True)
