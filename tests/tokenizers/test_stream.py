"""Streamed text equals whole text, and arrives as early as it can."""

import json
import random

import pytest
from tokenizers import Regex, decoders, pre_tokenizers

from hornbook.tokenizers import Tokenizer
from hornbook.tokenizers.clean_up import clean_up_spaces
from hornbook.tokenizers.decoding_steps import SpaceCleaner, byte_alphabet, decoding_steps
from nasty_strings import NASTY_STRINGS

DECODERS = {
    "byte level": decoders.ByteLevel(),
    "llama": decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    ),
    "byte fallback alone": decoders.ByteFallback(),
    "metaspace": decoders.Metaspace(),
    "metaspace, first": decoders.Metaspace(prepend_scheme="first"),
    "metaspace, never": decoders.Metaspace(prepend_scheme="never"),
    "word piece": decoders.WordPiece("##", cleanup=True),
    "word piece, as it is": decoders.WordPiece("##", cleanup=False),
    "word ends": decoders.BPEDecoder("</w>"),
    "strip each": decoders.Strip(" ", 2, 0),
    "strip the end, whole": decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 0, 1)]),
    "pattern": decoders.Sequence([decoders.Replace(Regex("a+"), "b"), decoders.Fuse()]),
    "no repetitions": decoders.CTC(),
}
TOKENS = [
    "", "a", "aa", " ", "  b", "▁", "▁▁c", "d▁", "##", "##e", "##.", ".", " .", "'", "'s", "n't",
    "do not", " do not", "</w>", "f</w>", "x</w>y", "<0xE2>", "<0x82>", "<0xAC>", "<0xFF>",
    "<0x41>", "<0xZZ>", "<0x+F>", "Ġ", "Ġg", "â", "Ĥ", "¬", "ÿ", "€", "<s>", "\x00",
]  # fmt: skip


def stream_tokens(decoder, tokens):
    section = json.loads(decoder.__getstate__())
    steps = decoding_steps(section, decoder.decode)

    def run(token, start):
        if start == len(steps):
            return token
        return "".join(run(given, start + 1) for given in steps[start].push(token))

    text = "".join(run(token, 0) for token in tokens)
    for index, step in enumerate(steps):
        text += "".join(run(token, index + 1) for token in step.finish())
    return text


@pytest.mark.parametrize("name", DECODERS)
def test_each_decoder_streams_what_it_decodes(name):
    rng = random.Random(name)
    for _ in range(3000):
        tokens = rng.choices(TOKENS, k=rng.randrange(7))
        if name == "strip the end, whole":
            tokens.insert(0, "x")  # the library panics if nothing is left
        assert stream_tokens(DECODERS[name], tokens) == DECODERS[name].decode(tokens), tokens


def test_text_without_a_decoder_is_joined_with_spaces():
    steps = decoding_steps(None, " ".join)
    assert "".join(text for token in "abc" for text in steps[0].push(token)) == "a b c"


def test_spaces_are_cleaned_up_the_same_in_pieces():
    rng = random.Random(0)
    for _ in range(5000):
        text = "".join(rng.choices("  ''nntsmvre.,x", k=rng.randrange(15)))
        cleaner, given, rest = SpaceCleaner(), "", text
        while rest:
            size = rng.randrange(1, 5)
            given, rest = given + "".join(cleaner.push(rest[:size])), rest[size:]
        assert given + "".join(cleaner.finish()) == clean_up_spaces(text), text


def streamed(tokenizer, ids, skip_special_tokens):
    stream = tokenizer.stream(skip_special_tokens)
    pieces = [stream.push(id) for id in ids]
    return [*pieces, stream.finish()]


@pytest.mark.parametrize("skip_special_tokens", [True, False])
def test_streamed_text_equals_whole_text(any_tokenizer, skip_special_tokens):
    for ids in any_tokenizer.encode_batch(NASTY_STRINGS, add_special_tokens=True):
        assert "".join(streamed(any_tokenizer, ids, skip_special_tokens)) == (
            any_tokenizer.detokenize(ids, skip_special_tokens)
        )


@pytest.mark.parametrize("skip_special_tokens", [True, False])
def test_streamed_random_ids_equal_whole_text(any_tokenizer, skip_special_tokens):
    rng = random.Random(0)
    size = any_tokenizer.vocabulary_size()
    for largest in (size + 3, 300, 20):  # all ids and some above, mostly bytes, mostly special
        for _ in range(300):
            ids = [rng.randrange(largest) for _ in range(rng.randrange(12))]
            assert "".join(streamed(any_tokenizer, ids, skip_special_tokens)) == (
                any_tokenizer.detokenize(ids, skip_special_tokens)
            ), ids


def test_clean_up_by_the_settings_streams_too(minilm_folder, tmp_path):
    config = {"clean_up_tokenization_spaces": True}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    (tmp_path / "tokenizer.json").write_bytes((minilm_folder / "tokenizer.json").read_bytes())
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert tokenizer.cleans_up_spaces
    for ids in tokenizer.encode_batch(NASTY_STRINGS):
        assert "".join(streamed(tokenizer, ids, True)) == tokenizer.detokenize(ids, True)


def test_half_a_character_is_never_given(byte_pair):
    text = "a😀é\ufffdb"
    ids = [byte_pair.token_to_id(char) for char in to_alphabet(text)]
    pieces = streamed(byte_pair, ids, True)
    assert pieces == ["a", "", "", "", "😀", "", "é", "", "", "\ufffd", "b", ""]


def test_an_unfinished_character_is_given_at_the_end(byte_pair):
    ids = [byte_pair.token_to_id(char) for char in to_alphabet("a😀")[:-1]]
    assert streamed(byte_pair, ids, True) == ["a", "", "", "", "\ufffd"]


def test_text_arrives_with_its_token(byte_pair):
    ids = byte_pair.encode("The state of the union is strong.")
    pieces = streamed(byte_pair, ids, True)
    assert pieces == [byte_pair.detokenize([id]) for id in ids] + [""]


def test_the_alphabet_is_the_library_s():
    assert set(byte_alphabet()) == set(pre_tokenizers.ByteLevel.alphabet())
    for byte in range(256):
        char = next(c for c, b in byte_alphabet().items() if b == byte)
        assert decoders.ByteLevel().decode([char]) == bytes([byte]).decode(errors="replace")


def to_alphabet(text):
    chars = {byte: char for char, byte in byte_alphabet().items()}
    return [chars[byte] for byte in text.encode()]
