"""The route through `tf.data` gives what the plain call gives, with static shapes."""

import numpy as np
import pytest

from hornbook.preprocessing import CausalLMPreprocessor, EncoderPreprocessor

tf = pytest.importorskip("tensorflow")

TEXTS = ["a b c", "d", "e d c b a a b"]


def assert_same(actual, expected):
    tf.nest.assert_same_structure(actual, expected)
    for one, other in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        np.testing.assert_array_equal(one.numpy(), other)
        assert one.dtype.name == other.dtype.name


def test_causal_lm(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=5)
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(3, drop_remainder=True)
    dataset = dataset.map(preprocessor)
    assert {tuple(spec.shape) for spec in tf.nest.flatten(dataset.element_spec)} == {(3, 5)}
    assert_same(next(iter(dataset)), preprocessor(TEXTS))


def test_single_texts_can_be_mapped_before_they_are_batched(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=5)
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).map(preprocessor).batch(3)
    assert_same(next(iter(dataset)), preprocessor(TEXTS))


def test_weights_of_texts_are_tensors_too(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=5)
    weights = np.array([0.5, 1.0, 2.0])
    dataset = tf.data.Dataset.from_tensor_slices((TEXTS, weights)).batch(3)
    dataset = dataset.map(lambda x, weight: preprocessor(x, sample_weight=weight))
    assert_same(next(iter(dataset)), preprocessor(TEXTS, sample_weight=weights))


def test_eager_tensors_and_padding_to_the_longest(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=50)
    actual = preprocessor(tf.constant(TEXTS), pad_to="longest")
    assert_same(actual, preprocessor(TEXTS, pad_to="longest"))


def test_encoder_pairs_with_labels(encoder_tokenizer):
    preprocessor = EncoderPreprocessor(encoder_tokenizer, 8)
    pairs, labels = (TEXTS, TEXTS[::-1]), np.array([0, 1, 2])
    dataset = tf.data.Dataset.from_tensor_slices((pairs, labels)).batch(2).map(preprocessor)
    shapes = {tuple(spec.shape) for spec in dataset.element_spec[0].values()}
    assert shapes == {(None, 8)}
    first, rest = list(dataset)
    assert_same(first, preprocessor(tuple(column[:2] for column in pairs), labels[:2]))
    assert rest[1].numpy().tolist() == [2]
