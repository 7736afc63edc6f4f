import numpy as np
from keras import ops

from hornbook.layers import PositionEmbedding, ReversibleEmbedding, SequencePooling


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


def test_reverse_projects_with_the_same_matrix():
    layer = ReversibleEmbedding(11, 4)
    ids = np.array([[1, 10, 0]])
    vectors = numpy(layer(ids))
    matrix = numpy(layer.embeddings)
    np.testing.assert_array_equal(vectors, matrix[ids])
    np.testing.assert_allclose(numpy(layer(vectors, reverse=True)), vectors @ matrix.T, atol=1e-5)
    assert len(layer.weights) == 1


def test_positions_count_from_zero_or_are_given():
    layer = PositionEmbedding(9)
    inputs = np.zeros((2, 3, 5), "f4")
    counted = numpy(layer(inputs))
    matrix = numpy(layer.embeddings)
    np.testing.assert_array_equal(counted, np.stack([matrix[:3]] * 2))
    places = np.array([[4, 5, 6], [0, 0, 8]])
    np.testing.assert_array_equal(numpy(layer(inputs, positions=places)), matrix[places])


def test_rows_before_the_first_position_s_are_never_looked_up():
    layer = PositionEmbedding(9, offset=2)
    inputs = np.zeros((1, 9, 5), "f4")
    counted = numpy(layer(inputs))
    matrix = numpy(layer.embeddings)
    assert matrix.shape == (11, 5)
    np.testing.assert_array_equal(counted[0], matrix[2:])
    np.testing.assert_array_equal(numpy(layer(inputs, start_index=-2))[0], matrix[:9])
    places = np.array([[4, 0, 8]])
    np.testing.assert_array_equal(numpy(layer(inputs, positions=places)), matrix[places + 2])
    assert PositionEmbedding.from_config(layer.get_config()).offset == 2


def test_mean_pooling_leaves_padding_out():
    inputs = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("f4")
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1]])
    pooled = numpy(SequencePooling("mean")(inputs, padding_mask=mask))
    np.testing.assert_allclose(pooled[0], inputs[0, :2].mean(0), atol=1e-6)
    np.testing.assert_allclose(pooled[1], inputs[1].mean(0), atol=1e-6)
    first = numpy(SequencePooling("cls")(inputs, padding_mask=mask))
    np.testing.assert_array_equal(first, inputs[:, 0])
