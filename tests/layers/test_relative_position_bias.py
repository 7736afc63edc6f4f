import keras
import numpy as np
import pytest
import torch
from transformers.models.t5.modeling_t5 import T5Attention

from hornbook.layers.relative_position_bias import RelativePositionBias, distance_buckets


@pytest.mark.parametrize(("buckets", "longest"), [(32, 128), (10, 20), (8, 9)])
def test_every_distance_has_the_original_s_value(buckets, longest):
    layer = RelativePositionBias(2, buckets, longest)
    positions = np.arange(2 * longest)
    bias = keras.ops.convert_to_numpy(layer(positions[None]))
    distances = torch.tensor(positions[None, :] - positions[:, None])
    places = T5Attention._relative_position_bucket(
        distances, num_buckets=buckets, max_distance=longest
    ).numpy()
    values = keras.ops.convert_to_numpy(layer.embeddings)
    np.testing.assert_array_equal(bias[0], values[places].transpose(2, 0, 1))


def test_near_distances_have_a_bucket_each():
    assert distance_buckets(16, 128)[:9].tolist() == [*range(9)]
    assert distance_buckets(16, 128)[-1] == 15


def test_it_is_restored_from_its_config():
    layer = RelativePositionBias(3, 8, 20, initializer="zeros", name="bias")
    again = RelativePositionBias.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (keras.ops.convert_to_numpy(again(np.arange(4)[None])) == 0).all()
