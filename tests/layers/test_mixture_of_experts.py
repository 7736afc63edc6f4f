"""Each token uses the experts that its router chose, whatever the form of the computation."""

import keras
import numpy as np
import pytest
from keras import ops

from conformance.gradients import gradients
from hornbook.layers import Attention, FeedForward, MixtureOfExperts, TransformerLayer
from hornbook.layers.experts import Experts, experts_product, experts_product_reference

RNG = np.random.default_rng(0)


def normal(*shape):
    return ops.convert_to_tensor(RNG.normal(size=shape).astype("f4"))


@pytest.mark.parametrize("tokens", [1, 3, 8, 32, 33, 200])
@pytest.mark.parametrize(("number", "active"), [(5, 2), (3, 3), (7, 1)])
def test_a_form_that_computes_what_was_chosen_equals_one_that_computes_all(tokens, number, active):
    experts = Experts(normal(number, 6, 4), normal(number, 6, 4), normal(number, 4, 6))
    inputs, weights = normal(tokens, 4), normal(tokens, active)
    chosen = np.argsort(RNG.random((tokens, number)), axis=1)[:, :active].astype("int32")
    chosen[: tokens // 2] = np.arange(active)  # most tokens like the same experts
    arguments = (inputs, ops.convert_to_tensor(chosen), weights, experts, ops.silu)
    expected = ops.convert_to_numpy(experts_product_reference(*arguments))
    np.testing.assert_allclose(
        ops.convert_to_numpy(experts_product(*arguments)), expected, atol=1e-4
    )


def by_hand(layer, x):
    logits = x @ ops.convert_to_numpy(layer.router.kernel).T
    chances = np.exp(logits) / np.exp(logits).sum()
    gate, up, down = map(ops.convert_to_numpy, layer.experts.kernels())
    total, weight = 0, 0
    for expert in np.argsort(-chances)[: layer.num_active]:
        gated = gate[expert] @ x
        hidden = gated / (1 + np.exp(-gated)) * (up[expert] @ x)
        total = total + chances[expert] * (down[expert] @ hidden)
        weight += chances[expert]
    return total / weight if layer.normalize else total


@pytest.mark.parametrize("normalize", [True, False])
def test_tokens_are_weighed_sums_of_their_experts(normalize):
    layer = MixtureOfExperts(5, 2, 6, "silu", normalize=normalize, kernel_initializer="normal")
    layer.build((None, None, 4))
    for weight in layer.weights:
        weight.assign(RNG.normal(size=weight.shape))
    inputs = normal(2, 3, 4)
    outputs = ops.convert_to_numpy(layer(inputs))
    for row, token in np.ndindex(2, 3):
        expected = by_hand(layer, ops.convert_to_numpy(inputs)[row, token])
        np.testing.assert_allclose(outputs[row, token], expected, rtol=1e-4, atol=1e-4)


def test_a_shared_network_is_added_weighed_by_a_gate():
    shared = FeedForward(5, "silu", gated=True, name="shared")
    layer = MixtureOfExperts(3, 1, 6, shared=shared, gate_shared=True)
    inputs = normal(2, 3, 4)
    outputs = ops.convert_to_numpy(layer(inputs))
    plain = MixtureOfExperts(3, 1, 6)
    plain(inputs)
    plain.router.set_weights(layer.router.get_weights())
    plain.experts.set_weights(layer.experts.get_weights())
    gate = ops.sigmoid(layer.shared_gate(inputs))
    expected = ops.convert_to_numpy(plain(inputs) + gate * shared(inputs))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    again = MixtureOfExperts.from_config(layer.get_config())
    again(inputs)
    again.set_weights(layer.get_weights())
    np.testing.assert_allclose(ops.convert_to_numpy(again(inputs)), outputs, atol=1e-6)


def test_gradients_are_those_of_computing_all(monkeypatch):
    def found(form):
        monkeypatch.setattr("hornbook.layers.mixture_of_experts.experts_product", form)
        keras.utils.set_random_seed(0)
        layer = MixtureOfExperts(4, 2, 6, kernel_initializer="normal", name="mixture")
        inputs = keras.Input((9, 4))
        model = keras.Model(inputs, layer(inputs))
        return gradients(model, np.sin(np.arange(72.0)).reshape(2, 9, 4), lambda y: ops.sum(y**2))

    ours, expected = found(experts_product), found(experts_product_reference)
    for name, gradient in expected.items():
        scale = np.abs(gradient).max()
        assert scale > 0
        np.testing.assert_allclose(ours[name], gradient, atol=1e-4 * scale)


def test_the_router_s_logits_come_too_when_they_are_asked_for():
    layer = MixtureOfExperts(4, 2, 6)
    inputs = normal(2, 3, 5)
    outputs, logits = layer(inputs, return_router_logits=True)
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, (outputs, layer(inputs))))
    expected = ops.convert_to_numpy(layer.router(inputs))
    np.testing.assert_allclose(ops.convert_to_numpy(logits), expected, atol=1e-6)


@pytest.mark.parametrize("parallel", [True, False])
def test_a_transformer_layer_passes_them_on(parallel):
    experts = MixtureOfExperts(4, 2, 6)
    layer = TransformerLayer(Attention(2, 1, 4), None, experts, None, parallel=parallel)
    inputs = normal(2, 3, 8)
    outputs, logits = layer(inputs, return_router_logits=True)
    symbolic = layer(keras.Input((3, 8)), return_router_logits=True)
    assert [spec.shape[1:] for spec in symbolic] == [outputs.shape[1:], logits.shape[1:]]
    read = inputs if parallel else inputs + layer.attention(inputs)
    expected = ops.convert_to_numpy(experts.router(read))
    np.testing.assert_allclose(ops.convert_to_numpy(logits), expected, atol=1e-5)
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, (outputs, layer(inputs))))


def test_too_many_active_experts_are_refused():
    with pytest.raises(ValueError, match="num_active=3 must be between 1 and num_experts=2"):
        MixtureOfExperts(2, 3, 4)
