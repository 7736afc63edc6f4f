"""The forms in which text and ids reach a tokenizer, TensorFlow's among them."""

import numpy as np
import pytest

from hornbook.errors import TokenizerError
from hornbook.tokenizers import (
    BytePairTokenizer,
    ByteTokenizer,
    SentencePieceTokenizer,
    WordPieceTokenizer,
)
from nasty_strings import LONE_SURROGATES

VOCABULARY = ["[PAD]", "[UNK]", "the", "qu", "##ick", "fox"]
TEXTS = ["the quick fox", "", "fox"]
ROWS = [[2, 3, 4, 5], [], [5]]


@pytest.fixture
def ragged():
    return WordPieceTokenizer(VOCABULARY)


@pytest.fixture
def padded():
    return WordPieceTokenizer(VOCABULARY, sequence_length=3)


@pytest.mark.parametrize(
    "batch",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        [text.encode() for text in TEXTS],
        np.array([text.encode() for text in TEXTS]),
        [np.str_(text) for text in TEXTS],
    ],
    ids=lambda batch: f"{type(batch).__name__} {type(batch[0]).__name__}",
)
def test_batches(ragged, padded, batch):
    rows = ragged(batch)
    assert [row.tolist() for row in rows] == ROWS
    assert all(row.dtype == np.int32 for row in rows)
    table = padded(batch)
    assert table.dtype == np.int32
    assert table.tolist() == [[2, 3, 4], [0, 0, 0], [5, 0, 0]]


@pytest.mark.parametrize("text", ["fox", b"fox", np.str_("fox"), np.array("fox")])
def test_one_text(ragged, padded, text):
    assert ragged(text).tolist() == [5]
    assert ragged(text).dtype == np.int32
    assert padded(text).tolist() == [5, 0, 0]


@pytest.mark.parametrize("kind", ["word piece", "sentence piece", "bytes"])
def test_rows_can_be_written_to_and_share_nothing(kind, ragged, request):
    tokenizer = {
        "word piece": lambda: ragged,
        "sentence piece": lambda: SentencePieceTokenizer(request.getfixturevalue("bpe_proto")),
        "bytes": ByteTokenizer,
    }[kind]()
    first, second = tokenizer(["the fox", "the fox"])
    first[:] = 0
    assert tokenizer("the fox").tolist() == second.tolist() != first.tolist()


def test_an_empty_batch(ragged, padded):
    assert ragged([]) == []
    assert padded([]).shape == (0, 3)


def test_padding_uses_the_pad_token():
    tokenizer = WordPieceTokenizer(["[UNK]", "fox", "[PAD]"], sequence_length=2)
    assert tokenizer("fox").tolist() == [1, 2]


def test_tokens_instead_of_ids(padded):
    tokenizer = WordPieceTokenizer(VOCABULARY, dtype="string")
    assert tokenizer("the quick").tolist() == ["the", "qu", "##ick"]
    tokenizer = WordPieceTokenizer(VOCABULARY, sequence_length=2, dtype="string")
    assert tokenizer(["fox"]).tolist() == [["fox", "[PAD]"]]
    assert WordPieceTokenizer(VOCABULARY, dtype="int64")("fox").dtype == np.int64


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (None, "Got NoneType; expected a string"),
        (3, "Got int; expected a string"),
        ([["fox"]], "Got list where a string was expected"),
        (["fox", 3], "Got int where a string was expected"),
        ({"text": "fox"}, "Got dict"),
        (np.array([["fox"]]), r"shape \(1, 1\)"),
        (np.array([1.0]), "Got float where a string was expected"),
        ([b"\xff\xfe"], "byte 0 is 0xFF"),
    ],
)
def test_what_is_no_text_is_one_clear_error(ragged, inputs, message):
    with pytest.raises(TokenizerError, match=message):
        ragged(inputs)


@pytest.mark.parametrize("text", LONE_SURROGATES)
def test_lone_surrogates_are_found(any_tokenizer, text):
    with pytest.raises(TokenizerError, match="Text 1 holds the lone surrogate"):
        any_tokenizer(["fine", text])


@pytest.mark.parametrize("options", [{"sequence_length": 0}, {"dtype": "float32"}])
def test_bad_options_are_one_clear_error(options):
    with pytest.raises(TokenizerError, match=next(iter(options))):
        WordPieceTokenizer(VOCABULARY, **options)


@pytest.mark.parametrize(
    "ids",
    [
        [2, 5],
        (2, 5),
        np.array([2, 5]),
        [np.int32(2), np.int64(5)],
        np.array([2, 5], dtype=np.uint8),
    ],
)
def test_ids_of_one_text(ragged, ids):
    assert ragged.detokenize(ids) == "the fox"


@pytest.mark.parametrize(
    "ids", [[[2, 5], [5]], [np.array([2, 5]), np.array([5])], [[2, 5], []], np.array([[2, 5]])]
)
def test_ids_of_a_batch(ragged, ids):
    assert ragged.detokenize(ids) == [ragged.detokenize(row) for row in ids]


def test_ids_that_are_scalar_or_empty(ragged):
    assert ragged.detokenize(np.int32(5)) == "fox"
    assert ragged.detokenize(5) == "fox"
    assert ragged.detokenize([]) == ""
    assert ragged.detokenize(np.zeros((0, 3), int)) == []


def test_tensors_of_the_backends(ragged):
    import jax.numpy as jnp
    import torch

    assert ragged.detokenize(jnp.array([[2, 5]])) == ["the fox"]
    assert ragged.detokenize(torch.tensor([2, 5])) == "the fox"
    assert ragged.detokenize([torch.tensor(2), torch.tensor(5)]) == "the fox"


def test_ids_above_the_vocabulary_are_left_out(any_tokenizer):
    size = any_tokenizer.vocabulary_size()
    ids = any_tokenizer.encode("the")
    assert any_tokenizer.detokenize([*ids, size, 2**31]) == any_tokenizer.detokenize(ids)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([-100, 2], "-100; ids are not negative"),
        ([2.0], "float64; token ids are integers"),
        (["fox"], "token ids are integers"),
        ("fox", "token ids are integers"),
        (np.zeros((1, 2, 3), int), r"shape \(1, 2, 3\); expected"),
        ([2**40], "Detokenizing 1 rows of token ids failed"),
        (None, "token ids are integers"),
    ],
)
def test_what_is_no_ids_is_one_clear_error(ragged, ids, message):
    with pytest.raises(TokenizerError, match=message):
        ragged.detokenize(ids)


def test_lookups(ragged):
    assert ragged.get_vocabulary() == VOCABULARY
    assert ragged.vocabulary_size() == 6
    assert [ragged.id_to_token(i) for i in range(6)] == VOCABULARY
    assert ragged.token_to_id("##ick") == 4
    with pytest.raises(TokenizerError, match="'cat' is not in the vocabulary"):
        ragged.token_to_id("cat")
    for wrong in (6, -1, 2**40):
        with pytest.raises(TokenizerError, match=f"no token with id {wrong}"):
            ragged.id_to_token(wrong)


def test_tensorflow_tensors(ragged, padded):
    import tensorflow as tf

    rows = ragged(tf.constant(TEXTS))
    assert isinstance(rows, tf.RaggedTensor)
    assert rows.dtype == tf.int32
    assert rows.to_list() == ROWS
    assert ragged(tf.constant("fox")).numpy().tolist() == [5]
    assert ragged(tf.constant([["fox", ""], ["the", "fox"]])).to_list() == [[[5], []], [[2], [5]]]
    assert ragged(tf.ragged.constant([["fox", ""], ["the"]])).to_list() == [[[5], []], [[2]]]
    table = padded(tf.constant(TEXTS))
    assert table.numpy().tolist() == [[2, 3, 4], [0, 0, 0], [5, 0, 0]]
    assert padded(tf.constant("fox")).numpy().tolist() == [5, 0, 0]
    assert padded(tf.constant([["fox"], ["the"]])).shape == (2, 1, 3)
    assert ragged.detokenize(table) == ["the quick", "[PAD] [PAD] [PAD]", "fox [PAD] [PAD]"]
    assert ragged.detokenize(rows, skip_special_tokens=True) == TEXTS
    assert ragged.detokenize(tf.constant([2, 5])) == "the fox"


def test_tensorflow_graphs(ragged, padded):
    import tensorflow as tf

    texts = tf.data.Dataset.from_tensor_slices(TEXTS)
    single = texts.map(padded)
    assert single.element_spec == tf.TensorSpec([3], tf.int32)
    assert [row.numpy().tolist() for row in single] == [[2, 3, 4], [0, 0, 0], [5, 0, 0]]
    batched = texts.batch(2).map(padded, num_parallel_calls=2)
    assert batched.element_spec == tf.TensorSpec([None, 3], tf.int32)
    assert texts.batch(3, drop_remainder=True).map(padded).element_spec.shape == (3, 3)
    rows = texts.batch(3).map(ragged)
    assert next(iter(rows)).to_list() == ROWS
    assert [row.numpy().tolist() for row in texts.map(ragged)] == ROWS
    back = rows.map(lambda ids: ragged.detokenize(ids))
    assert next(iter(back)).numpy().tolist() == [text.encode() for text in TEXTS]
    one = texts.map(lambda text: ragged.detokenize(ragged(text)))
    assert [text.numpy().decode() for text in one] == TEXTS
    assert one.element_spec == tf.TensorSpec([], tf.string)
    tokens = texts.map(WordPieceTokenizer(VOCABULARY, sequence_length=2, dtype="string"))
    assert next(iter(tokens)).numpy().tolist() == [b"the", b"qu"]


def test_tensorflow_errors_are_ours(ragged):
    import tensorflow as tf

    with pytest.raises(TokenizerError, match="Got a tensor of int32; expected strings"):
        ragged(tf.constant([1]))


def test_texts_of_every_script_survive_tensorflow(byte_pair_parts):
    import tensorflow as tf

    from nasty_strings import NASTY_STRINGS

    tokenizer = BytePairTokenizer(*byte_pair_parts)
    ids = tokenizer(tf.constant(NASTY_STRINGS))
    assert ids.to_list() == tokenizer.encode_batch(NASTY_STRINGS)
    assert tokenizer.detokenize(ids) == NASTY_STRINGS


def test_results_belong_to_the_caller(any_tokenizer):
    rows = any_tokenizer(["the state", "of the union"])
    expected = any_tokenizer.encode_batch(["the state", "of the union"])
    assert [row.tolist() for row in rows] == expected
    for row in rows:
        row[:] = 0  # neither read-only nor shared
    assert [row.tolist() for row in any_tokenizer(["the state", "of the union"])] == expected
    values, lengths = any_tokenizer.tokenize_flat(["the state", "", "of the union"])
    assert values.tolist() == [*expected[0], *expected[1]]
    assert lengths.tolist() == [len(expected[0]), 0, len(expected[1])]
    assert (values.dtype, lengths.dtype) == (np.int32, np.int64)
    assert any_tokenizer.tokenize_flat([])[0].shape == (0,)
