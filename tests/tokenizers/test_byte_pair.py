import json

import numpy as np
import pytest
from transformers import GPT2Tokenizer, Qwen2Tokenizer

from hornbook.errors import TokenizerError
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.gguf_pre_tokenizers import ONE_DIGIT
from nasty_strings import NASTY_STRINGS


@pytest.mark.parametrize("add_prefix_space", [False, True])
def test_ids_and_text_equal_the_original(byte_pair_parts, add_prefix_space):
    vocabulary, merges = byte_pair_parts
    special = {"start_token": "<|endoftext|>", "end_token": "<|endoftext|>"}
    ours = BytePairTokenizer(
        vocabulary, merges, add_prefix_space=add_prefix_space, special_tokens=special
    )
    theirs = GPT2Tokenizer(
        vocab=vocabulary,
        merges=[tuple(merge.split(" ")) for merge in merges],
        add_prefix_space=add_prefix_space,
    )
    for text, ids in zip(NASTY_STRINGS, ours.encode_batch(NASTY_STRINGS), strict=True):
        assert ids == theirs.encode(text), text
        assert ours.detokenize(ids) == theirs.decode(ids), text
        assert ours.detokenize(ids, skip_special_tokens=True) == theirs.decode(
            ids, skip_special_tokens=True
        )


def test_every_text_comes_back(byte_pair):
    for text in NASTY_STRINGS:
        assert byte_pair.detokenize(byte_pair(text)) == text


def test_files_and_values_make_the_same_tokenizer(byte_pair_parts, tmp_path):
    vocabulary, merges = byte_pair_parts
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (tmp_path / "merges.txt").write_text(
        "\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8"
    )
    from_files = BytePairTokenizer(str(tmp_path / "vocab.json"), tmp_path / "merges.txt")
    pairs = [tuple(merge.split(" ")) for merge in merges]
    assert from_files.get_config() == BytePairTokenizer(vocabulary, pairs).get_config()


def test_unsplittable_tokens_stay_whole_and_are_not_special(byte_pair_parts):
    vocabulary, merges = byte_pair_parts
    vocabulary = {**vocabulary, "<think>": len(vocabulary)}
    tokenizer = BytePairTokenizer(vocabulary, merges, unsplittable_tokens=["<think>"])
    ids = tokenizer.encode("a<think>b")
    assert len(ids) == 3
    assert ids[1] == vocabulary["<think>"]
    assert tokenizer.detokenize(ids, skip_special_tokens=True) == "a<think>b"


def test_a_start_token_is_added_as_transformers_adds_it(byte_pair_parts, tmp_path):
    vocabulary, merges = byte_pair_parts
    special = {"start_token": "<|endoftext|>"}
    options = {"special_tokens": special, "add_start_token": True}
    made = BytePairTokenizer(vocabulary, merges, **options)
    made.save(tmp_path / "saved")
    # The folder of an older version: no tokenizer.json, and roles as dicts.
    older = tmp_path / "older"
    older.mkdir()
    (older / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (older / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]), encoding="utf-8")
    token = {"__type": "AddedToken", "content": "<|endoftext|>", "normalized": True}
    config = {"add_bos_token": True, "bos_token": token, "tokenizer_class": "GPT2Tokenizer"}
    (older / "tokenizer_config.json").write_text(json.dumps(config))
    for folder in (tmp_path / "saved", older):
        ours, theirs = BytePairTokenizer.from_folder(folder), GPT2Tokenizer.from_pretrained(folder)
        assert ours.adds_start_token
        # With a tokenizer.json transformers leaves this out, but converters of files read it.
        assert ours.settings.other["add_bos_token"]
        for text in NASTY_STRINGS:
            assert ours.encode(text) == theirs.encode(text, add_special_tokens=False), text
            ids = ours.encode(text, add_special_tokens=True)
            assert ids == made.encode(text, add_special_tokens=True) == theirs.encode(text), text
    with pytest.raises(TokenizerError, match="no start token"):
        BytePairTokenizer(vocabulary, merges, add_start_token=True)


def test_special_tokens_are_found_by_role(byte_pair):
    assert byte_pair.start_token == byte_pair.end_token == "<|endoftext|>"
    assert byte_pair.start_token_id == byte_pair.end_token_id == 0
    assert byte_pair.pad_token is None
    assert byte_pair.pad_token_id is None
    assert byte_pair.special_token_ids == {0}
    assert not byte_pair.adds_start_token
    assert not byte_pair.adds_end_token


def test_padding_is_zero_without_a_pad_token(byte_pair_parts):
    tokenizer = BytePairTokenizer(*byte_pair_parts, sequence_length=4)
    assert tokenizer("a").tolist() == [*tokenizer.encode("a"), 0, 0, 0]
    table = tokenizer(["a b c d e f g h", ""])
    assert table.shape == (2, 4)
    assert table.dtype == np.int32
    assert table[0].tolist() == tokenizer.encode("a b c d e f g h")[:4]


@pytest.mark.parametrize(
    ("vocabulary", "merges", "message"),
    [
        ({"a": 0}, ["a b"], "out of vocabulary"),
        ({"a": 0}, ["a"], "Merge 0 is 'a'"),
        ({"a": 0}, ["a b c"], "Merge 0 is 'a b c'"),
        ("no/vocab.json", [], "no/vocab.json"),
        ({"a": 0}, "no/merges.txt", "no/merges.txt"),
    ],
)
def test_bad_arguments_are_one_clear_error(vocabulary, merges, message):
    with pytest.raises(TokenizerError, match=message):
        BytePairTokenizer(vocabulary, merges)


@pytest.mark.parametrize("content", ["", "[1]", '{"a": "b"}', '{"a": 0'])
def test_a_broken_vocabulary_file_is_named(tmp_path, content):
    path = tmp_path / "vocab.json"
    path.write_text(content)
    with pytest.raises(TokenizerError, match=r"vocab\.json"):
        BytePairTokenizer(path, [])


def test_a_missing_special_token_is_named():
    with pytest.raises(TokenizerError, match="'<end>'"):
        BytePairTokenizer({"a": 0}, [], special_tokens={"end_token": "<end>"})


def test_words_by_a_pattern_and_text_in_a_normal_form(byte_pair_parts):
    vocabulary, merges = byte_pair_parts
    special = {"end_token": "<|endoftext|>"}
    ours = BytePairTokenizer(
        vocabulary, merges, special_tokens=special, split_pattern=ONE_DIGIT, normalization="NFC"
    )
    theirs = Qwen2Tokenizer(vocabulary, [tuple(merge.split(" ")) for merge in merges])
    for text in NASTY_STRINGS:
        assert ours.encode(text) == theirs.encode(text), text
    assert ours.encode("e\u0301") == ours.encode("\u00e9")
    with pytest.raises(TokenizerError, match=r"'NFX'; expected one of NFC, NFD"):
        BytePairTokenizer(vocabulary, merges, normalization="NFX")
    with pytest.raises(TokenizerError, match="split pattern"):
        BytePairTokenizer(vocabulary, merges, split_pattern="(")
