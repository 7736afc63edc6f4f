"""Tokenizers without a vocabulary: bytes and code points."""

import json
import random
import unicodedata

import numpy as np
import pytest

from hornbook.errors import TokenizerError
from hornbook.models import CausalLM, CausalLMPreprocessor, GPT2Backbone, GPT2CausalLM
from hornbook.tokenizers import (
    ByteTokenizer,
    Tokenizer,
    UnicodeCodepointTokenizer,
    WordPieceTokenizer,
)
from nasty_strings import NASTY_STRINGS

BLOCKS = [0x2580, 0x2581]
BROKEN = b"he\xe2\x96llo"  # the first two bytes of a character of three


def naive_ids(tokenizer, text):
    return list(text.encode()) if isinstance(tokenizer, ByteTokenizer) else [ord(c) for c in text]


@pytest.fixture(params=[ByteTokenizer, UnicodeCodepointTokenizer])
def kind(request):
    return request.param


def test_ids_are_bytes_and_code_points_and_go_back_to_the_text(kind):
    tokenizer = kind(lowercase=False)
    rows = tokenizer(NASTY_STRINGS)
    assert [row.tolist() for row in rows] == [naive_ids(tokenizer, t) for t in NASTY_STRINGS]
    assert {row.dtype.name for row in rows} == {"int32"}
    assert tokenizer.detokenize(rows) == [text.replace("\0", "") for text in NASTY_STRINGS]
    assert tokenizer.encode_batch(NASTY_STRINGS) == [row.tolist() for row in rows]


@pytest.mark.parametrize("form", ["NFC", "NFKC", "NFD", "NFKD"])
def test_case_is_folded_and_then_the_form_normalized(kind, form):
    tokenizer = kind(normalization_form=form)
    expected = [
        naive_ids(tokenizer, unicodedata.normalize(form, text.casefold())) for text in NASTY_STRINGS
    ]
    assert tokenizer.encode_batch(NASTY_STRINGS) == expected
    assert tokenizer("HeLLo").tolist() == [104, 101, 108, 108, 111]


def test_a_length_pads_with_zeros_that_leave_no_text(kind):
    tokenizer = kind(sequence_length=4)
    assert tokenizer(["abcdef", "", "a"]).tolist() == [[97, 98, 99, 100], [0] * 4, [97, 0, 0, 0]]
    assert tokenizer.detokenize(tokenizer(["abcdef", "", "a"])) == ["abcd", "", "a"]
    assert kind()("").shape == (0,)
    assert kind()([]) == []


def test_bytes_that_are_no_text_are_replaced_ignored_or_refused():
    ids = list(BROKEN)
    for options, expected in (
        ({}, "he\ufffdllo"),
        ({"replacement_char": 341}, "heŕllo"),
        ({"errors": "ignore"}, "hello"),
    ):
        assert ByteTokenizer(**options).detokenize(ids) == expected
    valid = [104, 101, 255, 239, 191, 189]  # a byte that is replaced, and a real U+FFFD
    assert ByteTokenizer(replacement_char=72).detokenize(valid) == "heH\ufffd"
    with pytest.raises(TokenizerError, match="no UTF-8"):
        ByteTokenizer(errors="strict").detokenize(ids)
    assert ByteTokenizer()(BROKEN).tolist() == ids
    assert ByteTokenizer().detokenize([104, 256, 105]) == "hi"


def test_ids_that_are_no_characters_are_replaced_ignored_or_refused():
    ids = [110, 105, 10_000_000, 0xD800, 97]
    for options, expected in (
        ({}, "ni\ufffd\ufffda"),
        ({"replacement_char": 75}, "niKKa"),
        ({"errors": "ignore"}, "nia"),
    ):
        assert UnicodeCodepointTokenizer(**options).detokenize(ids) == expected
    with pytest.raises(TokenizerError, match="no characters"):
        UnicodeCodepointTokenizer(errors="strict").detokenize(ids)
    assert UnicodeCodepointTokenizer(replacement_char=75)(BROKEN).tolist()[:3] == [104, 101, 75]
    assert UnicodeCodepointTokenizer(errors="ignore")(BROKEN).shape == (5,)
    with pytest.raises(TokenizerError, match="not UTF-8"):
        UnicodeCodepointTokenizer(errors="strict")(BROKEN)


def test_a_vocabulary_size_clamps():
    tokenizer = UnicodeCodepointTokenizer(vocabulary_size=105)
    assert tokenizer("ninja▀").tolist() == [104, 104, 104, 104, 97, 104]
    assert tokenizer.vocabulary_size() == 105
    assert UnicodeCodepointTokenizer().vocabulary_size() == 0x110000
    assert ByteTokenizer().vocabulary_size() == 256
    assert ByteTokenizer().get_vocabulary() == [chr(i) for i in range(256)]


def test_encodings_of_bytes():
    tokenizer = UnicodeCodepointTokenizer(input_encoding="UTF-16-BE", output_encoding="UTF-32-BE")
    assert tokenizer("▀▁".encode("utf-16-be")).tolist() == BLOCKS
    assert tokenizer(["▀▁"])[0].tolist() == BLOCKS
    assert tokenizer.detokenize([BLOCKS]) == ["▀▁".encode("utf-32-be")]


def test_lookups(kind):
    tokenizer = kind()
    assert [tokenizer.token_to_id(token) for token in "fun"] == [102, 117, 110]
    assert [tokenizer.id_to_token(id) for id in (102, 117, 110)] == ["f", "u", "n"]
    with pytest.raises(TokenizerError, match="not in the vocabulary"):
        tokenizer.token_to_id("fun")
    assert kind(dtype="string")("fun").tolist() == ["f", "u", "n"]


@pytest.mark.parametrize("options", [{}, {"errors": "ignore"}, {"replacement_char": 75}])
def test_streamed_text_equals_whole_text(kind, options):
    tokenizer = kind(**options)
    rng = random.Random(0)
    rows = tokenizer.encode_batch(NASTY_STRINGS)
    rows += [[rng.randrange(300) for _ in range(rng.randrange(12))] for _ in range(500)]
    rows += [[rng.choice([0xD800, 0x10FFFF, 0x110000, 0, 0x2580]) for _ in range(5)]]
    for ids in rows:
        stream = tokenizer.stream()
        pieces = [stream.push(id) for id in ids]
        assert "".join(pieces) + stream.finish() == tokenizer.detokenize(ids)


def test_characters_arrive_whole_and_at_once():
    stream = ByteTokenizer().stream()
    assert [stream.push(id) for id in "aé▀".encode()] == ["a", "", "é", "", "", "▀"]
    stream = UnicodeCodepointTokenizer().stream()
    assert [stream.push(id) for id in BLOCKS] == ["▀", "▁"]
    stream = ByteTokenizer(errors="strict").stream()
    with pytest.raises(TokenizerError, match="no UTF-8"):
        stream.push(255)


def test_config_is_json_and_builds_an_equal_tokenizer(kind):
    tokenizer = kind(
        lowercase=False, sequence_length=9, normalization_form="NFD", replacement_char=63
    )
    config = json.loads(json.dumps(tokenizer.get_config()))
    for cls in (kind, Tokenizer):
        copy = cls.from_config(config)
        assert type(copy) is kind
        assert copy.get_config() == tokenizer.get_config()
        assert copy(NASTY_STRINGS).tolist() == tokenizer(NASTY_STRINGS).tolist()
        assert copy.detokenize([255, 0xD800]) == tokenizer.detokenize([255, 0xD800])
    clamped = UnicodeCodepointTokenizer(vocabulary_size=99, output_encoding="UTF-16-BE")
    copy = UnicodeCodepointTokenizer.from_config(clamped.get_config())
    assert (copy.vocabulary_size(), copy.detokenize([97])) == (99, b"\0a")


PLAIN = {
    "defaults": (ByteTokenizer, {}),
    "bytes": (
        ByteTokenizer,
        {"lowercase": False, "normalization_form": "NFKD", "errors": "replace", "dtype": "int64"},
    ),
    "ignore": (ByteTokenizer, {"errors": "ignore"}),
    "code points": (
        UnicodeCodepointTokenizer,
        {"normalization_form": "NFC", "replacement_char": 75, "vocabulary_size": 999},
    ),
    "encodings": (
        UnicodeCodepointTokenizer,
        {"lowercase": False, "input_encoding": "UTF-16-BE", "output_encoding": "UTF-32-BE"},
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_folder_gives_an_equal_tokenizer_back(name, tmp_path):
    kind, options = PLAIN[name]
    tokenizer = kind(**options)
    tokenizer.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "hornbook_tokenizer.json",
        "tokenizer_config.json",
    ]
    rows = [*tokenizer.encode_batch(NASTY_STRINGS), [104, 255, 0xD800, 10_000_000]]
    for cls in (kind, Tokenizer):
        again = cls.from_folder(tmp_path)
        assert type(again) is kind
        assert again.get_config()["engine"] == tokenizer.get_config()["engine"]
        assert again.encode_batch(NASTY_STRINGS) == rows[:-1]
        assert again.detokenize(rows) == tokenizer.detokenize(rows)
    with pytest.raises(TokenizerError, match="Tokenizer, which picks the class"):
        WordPieceTokenizer.from_folder(tmp_path)


def test_a_folder_keeps_one_tokenizer_alone(tmp_path):
    words = WordPieceTokenizer(["[PAD]", "[UNK]", "a"])
    for tokenizer in (words, ByteTokenizer(), UnicodeCodepointTokenizer(), words):
        tokenizer.save(tmp_path)
        assert type(Tokenizer.from_folder(tmp_path)) is type(tokenizer)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "JSONDecodeError"),
        ("[1]", "TypeError"),
        ("{}", "'type'"),
        ('{"type": "Words"}', "no tokenizer of type Bytes or Codepoints.*'Words'"),
        ('{"type": "Bytes", "size": 3}', "size"),
        ('{"type": "Codepoints"}', "encoding"),
        ('{"type": "Bytes", "errors": "quiet"}', "errors is 'quiet'"),
        ('{"type": "Bytes", "replacement_char": "x"}', "TypeError"),
        ('{"type": "Codepoints", "encoding": "latin-1", "vocabulary_size": 9}', "is 'latin-1'"),
    ],
)
def test_a_broken_file_is_one_clear_error(content, message, tmp_path):
    (tmp_path / "hornbook_tokenizer.json").write_text(content)
    with pytest.raises(TokenizerError, match=f"hornbook_tokenizer.json: .*{message}"):
        Tokenizer.from_folder(tmp_path)


def test_a_model_is_saved_with_it_and_loaded(tmp_path):
    def model(tokenizer):
        backbone = GPT2Backbone(
            vocabulary_size=256,
            num_layers=1,
            num_heads=1,
            hidden_dim=4,
            max_sequence_length=16,
            start_token_id=None,
            end_token_id=None,
        )
        return GPT2CausalLM(backbone, CausalLMPreprocessor(tokenizer, sequence_length=8))

    words = WordPieceTokenizer(["[PAD]", "[UNK]", "a"])
    for tokenizer in (ByteTokenizer(lowercase=False), words, ByteTokenizer()):
        model(tokenizer).save_to_preset(tmp_path)
        loaded = CausalLM.from_preset(tmp_path).preprocessor.tokenizer
        assert type(loaded) is type(tokenizer)
        assert loaded.encode("Aé") == tokenizer.encode("Aé")
    assert ByteTokenizer.from_preset(tmp_path).encode("Aé") == [97, 195, 169]


def test_tensorflow(kind):
    tf = pytest.importorskip("tensorflow")
    tokenizer, padded = kind(), kind(sequence_length=3)
    texts = tf.constant(["Hé", "", "▀"])
    assert tokenizer(texts).to_list() == tokenizer.encode_batch(["hé", "", "▀"])
    dataset = tf.data.Dataset.from_tensor_slices(["Hé", "ab"]).batch(2)
    ids = dataset.map(padded)
    assert ids.element_spec == tf.TensorSpec([None, 3], tf.int32)
    back = ids.map(lambda row: padded.detokenize(row))
    assert [text.decode() for text in next(iter(back)).numpy()] == ["hé", "ab"]
    broken = tf.data.Dataset.from_tensors([BROKEN]).map(tokenizer)
    assert next(iter(broken)).to_list() == [np.asarray(tokenizer(BROKEN)).tolist()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"errors": "quiet"}, "errors is 'quiet'"),
        ({"normalization_form": "nfc"}, "normalization_form is 'nfc'"),
        ({"replacement_char": 0xD800}, "replacement_char is 55296"),
        ({"sequence_length": 0}, "sequence_length is 0"),
    ],
)
def test_bad_arguments_are_one_clear_error(kind, options, message):
    with pytest.raises(TokenizerError, match=message):
        kind(**options)


def test_bad_arguments_of_code_points():
    for name in ("input_encoding", "output_encoding"):
        with pytest.raises(TokenizerError, match=f"{name} is 'latin-1'"):
            UnicodeCodepointTokenizer(**{name: "latin-1"})
    with pytest.raises(TokenizerError, match="vocabulary_size is 0"):
        UnicodeCodepointTokenizer(vocabulary_size=0)
    with pytest.raises(TokenizerError, match="lone surrogate"):
        UnicodeCodepointTokenizer()(["ok", "\ud800"])
