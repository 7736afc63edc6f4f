"""The weights that samplers tell are the chances that they draw with."""

import numpy as np
import pytest
from keras import ops

from hornbook import samplers

LOGITS = np.array([0.3, 2.0, -1.0, 1.1, 2.0, 0.0, -3.0, 1.0], "float32")
DRAWS = 4000

SAMPLERS = [
    samplers.GreedySampler(),
    samplers.RandomSampler(temperature=1.7),
    samplers.TopKSampler(k=3, temperature=0.7),
    samplers.TopKSampler(k=50),
    samplers.TopPSampler(p=0.8),
    samplers.TopPSampler(p=0.8, k=4, temperature=2.0),
    samplers.MinPSampler(p=0.3),
    samplers.RandomSampler(transforms=[samplers.LogitBias({1: -1.5, 6: 2.0})]),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=repr)
def test_tokens_come_as_often_as_their_weights_say(sampler):
    uniforms = ((np.arange(DRAWS) + 0.5) / DRAWS).astype("float32")
    logits = ops.convert_to_tensor(LOGITS[None])
    every = sampler.transformed(ops.tile(logits, (DRAWS, 1)), None)
    tokens = sampler.next_tokens(every, ops.convert_to_tensor(uniforms))
    counts = np.bincount(ops.convert_to_numpy(tokens), minlength=len(LOGITS))
    probabilities = ops.convert_to_numpy(sampler.probabilities(logits, None))[0]
    np.testing.assert_allclose(counts / DRAWS, probabilities, atol=2 / DRAWS)
    assert sampler.has_probabilities


class OnlyWeights(samplers.Sampler):
    def weights(self, logits):
        return ops.ones_like(logits)


class OnlyChoice(samplers.Sampler):
    def choose(self, logits, uniforms):
        return ops.argmin(logits, axis=-1)


def test_a_sampler_needs_weights_or_a_choice():
    logits, uniforms = ops.convert_to_tensor(LOGITS[None]), ops.array([0.99])
    assert ops.convert_to_numpy(OnlyWeights().next_tokens(logits, uniforms)).tolist() == [7]
    assert OnlyWeights().has_probabilities
    assert ops.convert_to_numpy(OnlyChoice().next_tokens(logits, uniforms)).tolist() == [6]
    assert not OnlyChoice().has_probabilities
    assert not samplers.BeamSampler().has_probabilities
    with pytest.raises(NotImplementedError, match="Sampler needs weights"):
        samplers.Sampler().next_tokens(logits, uniforms)
