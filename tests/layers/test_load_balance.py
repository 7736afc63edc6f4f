"""The loss of routers, counted by hand."""

import numpy as np
from keras import ops

from hornbook.layers import LoadBalance

RNG = np.random.default_rng(1)
LOGITS = [RNG.normal([1, 0.5, 0, 0], size=(2, 5, 4)).astype("f4") for _ in range(3)]
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
INPUTS = np.ones((2, 5, 3), "f4")


def by_hand(tokens, active):
    chances = np.exp(tokens) / np.exp(tokens).sum(-1, keepdims=True)
    chosen = np.argsort(-chances, axis=1)[:, :active]
    share = np.array([(chosen == expert).sum() for expert in range(4)]) / len(chosen)
    return 4 * (share * chances.mean(0)).sum()


def test_it_is_of_the_real_tokens_of_all_layers_together():
    layer = LoadBalance(2, weight=0.5)
    layer(INPUTS, LOGITS, MASK, training=True)
    (loss,) = layer.losses
    expected = by_hand(np.concatenate([logits[MASK == 1] for logits in LOGITS]), 2)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), 0.5 * expected, rtol=1e-4)
    assert expected > 1.05 * 2  # what balanced experts have


def test_without_a_mask_all_tokens_are_real():
    layer = LoadBalance(1, weight=2.0)
    layer(INPUTS, LOGITS[:1], training=True)
    (loss,) = layer.losses
    expected = by_hand(LOGITS[0].reshape(-1, 4), 1)
    np.testing.assert_allclose(ops.convert_to_numpy(loss), 2.0 * expected, rtol=1e-4)


def test_there_is_none_outside_training_or_without_a_weight():
    for layer, training in ((LoadBalance(2, 0.5), False), (LoadBalance(2, 0.0), True)):
        outputs = layer(INPUTS, LOGITS, MASK, training=training)
        assert layer.losses == []
        np.testing.assert_array_equal(ops.convert_to_numpy(outputs), INPUTS)


def test_a_saved_one_is_the_same():
    layer = LoadBalance(2, weight=0.5, name="balance")
    assert LoadBalance.from_config(layer.get_config()).get_config() == layer.get_config()
