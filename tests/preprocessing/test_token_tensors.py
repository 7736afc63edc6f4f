"""Packers, maskers and augmentations on TensorFlow's tensors do what they do on arrays."""

import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.preprocessing.masked_lm_mask_generator import MaskedLMMaskGenerator
from hornbook.preprocessing.multi_segment_packer import MultiSegmentPacker
from hornbook.preprocessing.random_deletion import RandomDeletion
from hornbook.preprocessing.random_swap import RandomSwap
from hornbook.preprocessing.start_end_packer import StartEndPacker
from hornbook.tokenizers import WordPieceTokenizer

tf = pytest.importorskip("tensorflow")

ROWS = [[5, 6, 7, 8], [9], [3, 4, 5]]
TABLE = np.arange(1, 13, dtype="int64").reshape(3, 4)
MAKERS = {
    "ends": lambda: StartEndPacker(5, 1, 2),
    "ends and mask": lambda: StartEndPacker(5, 1, 2, return_padding_mask=True),
    "segments": lambda: lambda x: MultiSegmentPacker(6, 1, 2)((x,)),
    "masks": lambda: MaskedLMMaskGenerator(20, 0.4, 19, 2, seed=1),
    "ragged masks": lambda: MaskedLMMaskGenerator(20, 0.4, 19, seed=1),
    "swaps": lambda: RandomSwap(0.6, skip_list=[7], seed=1),
    "deletions": lambda: RandomDeletion(0.4, skip_list=[7], seed=1),
}


def plain(value):
    """Nested lists of whatever a layer gives."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, tf.RaggedTensor):
        return value.to_list()
    if isinstance(value, list):
        return [part.tolist() for part in value]
    return value.numpy().tolist() if tf.is_tensor(value) else value.tolist()


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    ("tensor", "array"),
    [
        (tf.ragged.constant(ROWS, tf.int32), ROWS),
        (tf.constant(TABLE), TABLE),
        (tf.constant(TABLE[0]), TABLE[0]),
    ],
    ids=["ragged", "table", "row"],
)
def test_tensors_give_what_arrays_give_eagerly_and_in_graphs(name, tensor, array):
    expected = plain(MAKERS[name]()(array))
    assert plain(MAKERS[name]()(tensor)) == expected
    layer = MAKERS[name]()
    dataset = tf.data.Dataset.from_tensors(tensor).map(lambda x: layer(x))
    assert plain(next(iter(dataset))) == expected


def test_the_notebook_s_preprocessing_has_static_shapes():
    tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "[BOS]", "a", "b"], sequence_length=6)
    packer = StartEndPacker(sequence_length=6, start_value=tokenizer.token_to_id("[BOS]"))

    def preprocess(inputs):
        outputs = tokenizer(inputs)
        return packer(outputs), outputs

    texts = tf.data.Dataset.from_tensor_slices(["a b", "b", "a a a a a a a"])
    dataset = texts.batch(3).map(preprocess, num_parallel_calls=tf.data.AUTOTUNE)
    assert dataset.element_spec == (tf.TensorSpec([None, 6], tf.int32),) * 2
    features, labels = next(iter(dataset))
    assert features.numpy().tolist() == [[2, 3, 4, 0, 0, 0], [2, 4, 0, 0, 0, 0], [2, 3, 3, 3, 3, 3]]
    np.testing.assert_array_equal(features[:, 1:], labels[:, :-1])
    single = next(iter(texts.map(preprocess)))[0]
    assert single.numpy().tolist() == [2, 3, 4, 0, 0, 0]
    known = texts.batch(3, drop_remainder=True).map(preprocess)
    assert known.element_spec[0].shape == (3, 6)


def test_pairs_of_segments_and_strings():
    packer = MultiSegmentPacker(7, "[CLS]", "[SEP]")
    first, second = tf.ragged.constant([["a", "b"], ["é"]]), tf.constant([["c"], ["d"]])
    dataset = tf.data.Dataset.from_tensors((first, second)).map(lambda *pair: packer(pair))
    tokens, segment_ids = next(iter(dataset))
    assert tokens.numpy()[1].tolist() == [
        part.encode() for part in ("[CLS]", "é", "[SEP]", "d", "[SEP]", "", "")
    ]
    assert segment_ids.numpy().tolist() == [[0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 1, 1, 0, 0]]
    assert dataset.element_spec[0].shape == (2, 7)
    tokens, _ = MultiSegmentPacker(6, 1, 2)((tf.constant([[5]]), [[6, 7]]))
    assert tokens.numpy().tolist() == [[1, 5, 2, 6, 7, 2]]


def test_functions_that_skip():
    words = tf.strings.split(["keras is fun", "it is"])
    for skip in (
        {"skip_fn": lambda word: tf.strings.length(word) < 3},
        {"skip_py_fn": lambda word: len(word) < 3},
        {"skip_list": ["is", "it"]},
    ):
        layer = RandomDeletion(1.0, **skip)
        dataset = tf.data.Dataset.from_tensors(words).map(lambda x, layer=layer: layer(x))
        assert next(iter(dataset)).to_list() == [[b"is"], [b"it", b"is"]]
    assert RandomDeletion(1.0, skip_fn=lambda token: token > 3)(tf.constant([3, 4])).shape == (1,)


def test_each_pass_over_a_dataset_draws_anew():
    layer = RandomSwap(0.8, seed=1)
    dataset = tf.data.Dataset.from_tensors(tf.range(50)).map(lambda x: layer(x))
    passes = [next(iter(dataset)).numpy().tolist() for _ in range(2)]
    assert passes[0] != passes[1]
    constant = tf.data.Dataset.range(3).map(lambda _: layer(tf.range(50)))
    assert len({tuple(row.numpy().tolist()) for row in constant}) == 3


@pytest.mark.parametrize(
    "wrong", [tf.constant([1.5]), tf.constant(1), tf.zeros([1, 1, 1], tf.int32)]
)
def test_what_is_no_rows_is_one_clear_error(wrong):
    with pytest.raises(DataError, match="Got tokens of"):
        StartEndPacker(3)(wrong)
