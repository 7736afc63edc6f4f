import json

import pytest
from transformers import AutoTokenizer

from hornbook.errors import TokenizerError
from hornbook.tokenizers import (
    BytePairTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordPieceTokenizer,
)
from nasty_strings import NASTY_STRINGS

TEMPLATE = "{% for m in messages %}{{ bos_token }}{{ m.content }}{% endfor %}"


def write_json(path, content):
    path.write_text(json.dumps(content), encoding="utf-8")


def test_minilm_equals_the_original(minilm_folder):
    ours = Tokenizer.from_folder(minilm_folder)
    theirs = AutoTokenizer.from_pretrained(minilm_folder)
    assert isinstance(ours, WordPieceTokenizer)
    # Its tokenizer.json asks for 128 ids; that is for those who pad, not for encoding.
    for text in [*NASTY_STRINGS, "word " * 300]:
        ids = ours.encode(text, add_special_tokens=True)
        assert ids == theirs.encode(text), text
        assert ours.detokenize(ids) == theirs.decode(ids), text
        assert ours.detokenize(ids, True) == theirs.decode(ids, skip_special_tokens=True), text
    assert ours.vocabulary_size() == len(theirs)
    assert ours.special_token_ids == set(theirs.all_special_ids)
    for role in ("pad", "unk", "cls", "sep", "mask"):
        assert getattr(ours, f"{role}_token_id") == getattr(theirs, f"{role}_token_id")
    assert ours.start_token is None


@pytest.mark.parametrize("kind", ["byte_pair", "word_piece", "minilm_folder"])
def test_transformers_loads_what_is_saved(request, kind, tmp_path):
    made = request.getfixturevalue(kind)
    ours = made if isinstance(made, Tokenizer) else Tokenizer.from_folder(made)
    ours.save(tmp_path)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    for text in NASTY_STRINGS:
        ids = ours.encode(text, add_special_tokens=True)
        assert ids == theirs.encode(text), text
        assert ours.detokenize(ids) == theirs.decode(ids)
    assert theirs.bos_token == ours.start_token
    assert theirs.eos_token == ours.end_token
    assert theirs.pad_token == ours.pad_token


def test_a_round_trip_changes_nothing(any_tokenizer, tmp_path):
    any_tokenizer.save(tmp_path)
    again = type(any_tokenizer).from_folder(tmp_path)
    assert again.get_config() == any_tokenizer.get_config() | {
        "settings": any_tokenizer.get_config()["settings"]
        | {k: v for k, v in again.get_config()["settings"].items() if k == "tokenizer_class"}
    }
    assert again.encode_batch(NASTY_STRINGS, True) == any_tokenizer.encode_batch(
        NASTY_STRINGS, True
    )
    again.save(tmp_path / "again")
    for path in tmp_path.iterdir():
        if path.is_file():
            assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_what_nobody_interprets_is_kept(byte_pair, tmp_path):
    byte_pair.save(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    extra = {
        "padding_side": "left",
        "model_max_length": 1000000000000000019884624838656,
        "tokenizer_class": "GPT2Tokenizer",
        "some_later_key": {"a": [1, None]},
        "pad_token": {"__type": "AddedToken", "content": "<|endoftext|>", "lstrip": False},
        "additional_special_tokens": ["<|im_start|>"],
    }
    write_json(tmp_path / "tokenizer_config.json", config | extra)
    tokenizer = Tokenizer.from_folder(tmp_path)
    tokenizer.save(tmp_path / "again")
    saved = json.loads((tmp_path / "again" / "tokenizer_config.json").read_text())
    for key in ("padding_side", "model_max_length", "tokenizer_class", "some_later_key"):
        assert saved[key] == extra[key]
    assert saved["pad_token"] == "<|endoftext|>"
    assert saved["extra_special_tokens"] == ["<|im_start|>"]
    assert tokenizer.pad_token_id == 0
    # A special token that the vocabulary lacks is added after it, as transformers does.
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    text = "a<|im_start|>b"
    assert tokenizer.encode(text) == theirs.encode(text)
    assert tokenizer.vocabulary_size() == len(theirs) == byte_pair.vocabulary_size() + 1


@pytest.mark.parametrize("place", ["file", "config", "list"])
def test_a_chat_template_is_found_and_kept(byte_pair, tmp_path, place):
    byte_pair.save(tmp_path)
    if place == "file":
        (tmp_path / "chat_template.jinja").write_text(TEMPLATE)
    else:
        path = tmp_path / "tokenizer_config.json"
        value = TEMPLATE if place == "config" else [{"name": "default", "template": TEMPLATE}]
        write_json(path, {**json.loads(path.read_text()), "chat_template": value})
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert tokenizer.chat_template == TEMPLATE
    tokenizer.save(tmp_path / "again")
    assert Tokenizer.from_folder(tmp_path / "again").chat_template == TEMPLATE
    assert AutoTokenizer.from_pretrained(tmp_path / "again").chat_template == TEMPLATE


def test_several_chat_templates_are_kept(byte_pair, tmp_path):
    byte_pair.save(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(TEMPLATE)
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "tool_use.jinja").write_text("tools!")
    tokenizer = Tokenizer.from_folder(tmp_path)
    messages = [{"role": "user", "content": "hi"}]
    assert tokenizer.apply_chat_template(messages) == "<|endoftext|>hi"
    assert tokenizer.apply_chat_template(messages, tools=[]) == "tools!"
    assert tokenizer.apply_chat_template(messages, chat_template="tool_use") == "tools!"
    tokenizer.save(tmp_path / "again")
    assert Tokenizer.from_folder(tmp_path / "again").get_config() == tokenizer.get_config()
    theirs = AutoTokenizer.from_pretrained(tmp_path / "again")
    assert theirs.chat_template == {"default": TEMPLATE, "tool_use": "tools!"}


def test_saving_replaces_what_an_earlier_tokenizer_left(byte_pair, bpe_proto, tmp_path):
    byte_pair.save(tmp_path)
    (tmp_path / "chat_template.jinja").write_text(TEMPLATE)
    (tmp_path / "model.safetensors").write_text("weights")
    SentencePieceTokenizer(bpe_proto).save(tmp_path)
    assert isinstance(Tokenizer.from_folder(tmp_path), SentencePieceTokenizer)
    assert Tokenizer.from_folder(tmp_path).chat_template is None
    assert {path.name for path in tmp_path.iterdir()} == {
        "model.safetensors",
        "tokenizer.model",
        "tokenizer_config.json",
    }


def test_a_save_that_fails_leaves_what_was_there(byte_pair, tmp_path, monkeypatch):
    byte_pair.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(
        type(byte_pair.engine), "files", lambda self: {"tokenizer.json": b"x", "no/folder": b"y"}
    )
    with pytest.raises(OSError, match="folder"):
        byte_pair.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_older_folders_are_read(byte_pair_parts, word_pieces, tmp_path):
    vocabulary, merges = byte_pair_parts
    first = tmp_path / "byte_pair"
    first.mkdir()
    write_json(first / "vocab.json", vocabulary)
    (first / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]), encoding="utf-8")
    write_json(
        first / "special_tokens_map.json",
        {"eos_token": {"content": "<|endoftext|>", "lstrip": False}, "pad_token": "<pad>"},
    )
    write_json(first / "added_tokens.json", {"<pad>": len(vocabulary)})
    write_json(first / "config.json", {"model_type": "gpt2"})
    ours, theirs = Tokenizer.from_folder(first), AutoTokenizer.from_pretrained(first)
    assert isinstance(ours, BytePairTokenizer)
    assert ours.pad_token_id == len(vocabulary)
    for text in [*NASTY_STRINGS, "a<pad>b"]:
        assert ours.encode(text) == theirs.encode(text), text

    second = tmp_path / "word_piece"
    second.mkdir()
    (second / "vocab.txt").write_text("\n".join(word_pieces), encoding="utf-8")
    write_json(second / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer"})
    write_json(second / "config.json", {"model_type": "bert"})
    ours, theirs = Tokenizer.from_folder(second), AutoTokenizer.from_pretrained(second)
    assert isinstance(ours, WordPieceTokenizer)
    for text in NASTY_STRINGS:
        assert ours.encode(text, add_special_tokens=True) == theirs.encode(text), text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "holds no tokenizer; expected tokenizer.json"),
        ({"tokenizer.json": ""}, r"tokenizer\.json failed: EOF"),
        ({"tokenizer.json": "{"}, r"tokenizer\.json"),
        ({"tokenizer.json": "[]"}, r"tokenizer\.json"),
        ({"tokenizer.json": '{"model": {"type": "Nope"}}'}, r"tokenizer\.json"),
        ({"tokenizer.json": "\udcff"}, r"Can't read .*tokenizer\.json"),
        ({"vocab.json": "{}", "merges.txt": "a b"}, "out of vocabulary"),
        ({"vocab.txt": "a\nb"}, "UNK"),
        ({"tokenizer.model": "x"}, r"tokenizer\.model"),
        ({"vocab.txt": "[UNK]", "tokenizer_config.json": "{"}, r"tokenizer_config\.json is no"),
        ({"vocab.txt": "[UNK]", "tokenizer_config.json": "[1]"}, "holds list; expected a JSON"),
        (
            {"vocab.txt": "[UNK]", "tokenizer_config.json": '{"chat_template": 3}'},
            "chat_template is neither",
        ),
        (
            {"vocab.txt": "[UNK]", "tokenizer_config.json": '{"added_tokens_decoder": {"x": {}}}'},
            "added tokens",
        ),
        (
            {"vocab.txt": "[UNK]", "tokenizer_config.json": '{"extra_special_tokens": "<a>"}'},
            "extra_special_tokens is '<a>'",
        ),
        ({"vocab.txt": "[UNK]", "tokenizer_config.json": "[" * 100_000}, "is no JSON"),
    ],
)
def test_a_broken_folder_is_one_clear_error(tmp_path, files, message):
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.from_folder(tmp_path)


def test_a_missing_folder_is_one_clear_error(tmp_path):
    with pytest.raises(TokenizerError, match="is no folder"):
        Tokenizer.from_folder(tmp_path / "nowhere")


def test_a_panic_in_the_library_is_one_clear_error(tmp_path, capfd):
    decoder = {"type": "Strip", "content": " ", "start": 1, "stop": 1}
    model = {"type": "BPE", "vocab": {" ": 0}, "merges": []}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model, "decoder": decoder}))
    tokenizer = Tokenizer.from_folder(tmp_path)
    with pytest.raises(TokenizerError, match="inside the tokenizers library"):
        tokenizer.detokenize([0])


def test_a_kind_without_a_class_is_named(tmp_path):
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
    with pytest.raises(TokenizerError, match="type WordLevel; there are WordPieceTokenizer"):
        Tokenizer.from_folder(tmp_path)
