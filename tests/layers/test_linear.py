import contextlib
import re

import keras
import numpy as np
import pytest
from keras import ops

from hornbook.layers import Linear
from hornbook.layers.linear_product import linear_product, linear_product_reference
from losses.gradients import value_and_gradients

RNG = np.random.default_rng(0)


def numpy(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.fixture
def without_gradients():
    """As in generation; torch's forms of few rows are for that alone."""
    if keras.backend.backend() == "torch":
        import torch

        quiet = torch.no_grad()
    else:
        quiet = contextlib.nullcontext()
    with quiet:
        yield


@pytest.fixture
def layer():
    layer = Linear(7)
    layer.build((None, 5))
    layer.bias.assign(RNG.normal(size=7))
    return layer


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
@pytest.mark.parametrize("bias", [None, RNG.normal(size=7).astype("f4")])
def test_product_is_its_reference(shape, bias):
    inputs = ops.convert_to_tensor(RNG.normal(size=shape).astype("f4"))
    kernel = ops.convert_to_tensor(RNG.normal(size=(7, 5)).astype("f4"))
    bias = None if bias is None else ops.convert_to_tensor(bias)
    product = linear_product(inputs, kernel, bias)
    assert product.shape == (*shape[:-1], 7)
    np.testing.assert_allclose(
        numpy(product), numpy(linear_product_reference(inputs, kernel, bias)), atol=1e-5
    )


@pytest.mark.parametrize("units", [1, 47])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("rows", [1, 2, 6, 7, 32, 33, 100])
def test_product_of_any_number_of_rows(rows, dtype, units, without_gradients):
    """Backends have a form for one row, for few and for many; all give what numpy gives."""
    inputs = ops.convert_to_tensor(RNG.normal(size=(1, rows, 64)), dtype)
    kernel = ops.convert_to_tensor(RNG.normal(size=(units, 64)), dtype)
    product = linear_product(inputs, kernel)
    assert keras.backend.standardize_dtype(product.dtype) == dtype
    wide = [numpy(ops.cast(x, "float32")).astype("float64") for x in (inputs, kernel, product)]
    tolerance = {"atol": 1e-4} if dtype == "float32" else {"rtol": 2**-8, "atol": 2e-2}
    np.testing.assert_allclose(wide[2], wide[0] @ wide[1].T, **tolerance)


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("rows", [1, 2, 64, 65])
@pytest.mark.parametrize("bias", [None, RNG.normal(size=7).astype("f4")])
def test_xla_multiplies_few_rows_with_the_kernel_first(rows, bias):
    import tensorflow as tf

    from hornbook.layers.tensorflow_product import compiled_by_xla

    inputs, kernel = (tf.constant(RNG.normal(size=(n, 5)).astype("f4")) for n in (rows, 7))

    @tf.function(jit_compile=True, autograph=False)
    def run(inputs, kernel):
        with compiled_by_xla():
            return linear_product(inputs, kernel, bias)

    expected = linear_product_reference(inputs, kernel, bias)
    np.testing.assert_allclose(run(inputs, kernel), expected, atol=1e-5)
    text = run.experimental_get_compiler_ir(inputs, kernel)(stage="optimized_hlo")
    is_first = re.search(rf"f32\[7,{rows}\]\S* dot\(", text) is not None
    assert is_first is (rows in (2, 64))


@pytest.mark.backends("tensorflow")
@pytest.mark.parametrize("rows", [2, 65])
@pytest.mark.parametrize("bias", [None, RNG.normal(size=768).astype("f4")])
def test_xla_converts_no_kernel_in_bfloat16(rows, bias):
    import tensorflow as tf

    from hornbook.layers.tensorflow_product import compiled_by_xla

    inputs, kernel = (RNG.normal(size=(n, 256)).astype("f4") for n in (rows, 768))
    inputs, kernel = (tf.cast(matrix, tf.bfloat16) for matrix in (inputs, kernel))

    @tf.function(jit_compile=True, autograph=False)
    def run(inputs, kernel):
        with compiled_by_xla():
            return linear_product(inputs, kernel, bias)

    product = run(inputs, kernel)
    assert product.dtype == tf.bfloat16
    exact = linear_product_reference(*(tf.cast(m, tf.float64) for m in (inputs, kernel)))
    exact += 0 if bias is None else tf.cast(tf.cast(bias, tf.bfloat16), tf.float64)
    np.testing.assert_allclose(tf.cast(product, tf.float64), exact, rtol=2**-7, atol=2**-5)
    text = run.experimental_get_compiler_ir(inputs, kernel)(stage="optimized_hlo")
    assert re.search(rf"f32\[{rows},768\]\S* dot\(", text)
    assert "f32[768,256]" not in text


@pytest.mark.backends("jax")
def test_xla_adds_float32_behind_a_vector_in_bfloat16_and_not_with_it():
    import jax

    vector, kernel = (ops.cast(RNG.normal(size=(n, 64)), "bfloat16") for n in (1, 300))
    added = ops.cast(RNG.normal(size=300), "float32")

    def run(vector, kernel, added):
        return ops.cast(linear_product(vector, kernel), "float32") + added

    text = jax.jit(run).lower(vector, kernel, added).compile().as_text()
    assert "dot(" in text
    assert "dot_add" not in text
    plain = jax.jit(lambda vector, kernel, added: (vector @ kernel.T).astype("float32") + added)
    assert "dot_add" in plain.lower(vector, kernel, added).compile().as_text()


@pytest.mark.backends("torch")
@pytest.mark.parametrize("was_on", [True, False])
def test_onednn_is_as_it_was_after_a_vector_in_bfloat16(was_on, without_gradients):
    import torch

    vector, kernel, bias = (
        torch.tensor(RNG.normal(size=size), dtype=torch.bfloat16) for size in ((1, 64), (9, 64), 9)
    )
    with torch.backends.mkldnn.flags(enabled=was_on):
        product = linear_product(vector, kernel, bias)
        assert torch.backends.mkldnn.enabled is was_on
        with pytest.raises(RuntimeError, match="shapes"):
            linear_product(vector[:, :3], kernel)
        assert torch.backends.mkldnn.enabled is was_on
    exact = vector.double() @ kernel.double().T + bias.double()
    torch.testing.assert_close(product, exact.bfloat16(), rtol=2**-7, atol=0)


def test_gradients_of_a_product_with_a_bias():
    inputs, kernel, bias = (
        RNG.normal(size=size).astype("f4") for size in ((3, 4, 5), (7, 5), (7,))
    )
    upstream = RNG.normal(size=(3, 4, 7)).astype("f4")

    def gradients(product):
        def total(*factors):
            return ops.sum(product(*factors) * ops.convert_to_tensor(upstream))

        return value_and_gradients(total, inputs, kernel, bias)[1]

    found, expected = gradients(linear_product), gradients(linear_product_reference)
    for ours, plain in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, plain, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX's product has its own gradient")
@pytest.mark.parametrize("rows", [1, 8, 40])
def test_gradients_of_half_precision_products(rows):
    import jax
    import jax.numpy as jnp

    inputs, kernel = (RNG.normal(size=size).astype("f4") for size in ((rows, 24), (16, 24)))
    upstream = RNG.normal(size=(rows, 16)).astype("f4")

    def total(product, inputs, kernel):
        return jnp.sum(product(inputs, kernel).astype("float32") * upstream)

    halves = [jnp.asarray(x, "bfloat16") for x in (inputs, kernel)]
    wide = [x.astype("float32") for x in halves]
    found = jax.grad(total, (1, 2))(linear_product, *halves)
    expected = jax.grad(total, (1, 2))(linear_product_reference, *wide)
    for gradient, wanted in zip(found, expected, strict=True):
        assert gradient.dtype == "bfloat16"
        np.testing.assert_allclose(gradient.astype("float32"), wanted, rtol=2**-6, atol=0.1)


def test_output_is_affine(layer):
    inputs = RNG.normal(size=(2, 3, 5)).astype("f4")
    expected = inputs @ numpy(layer.kernel).T + numpy(layer.bias)
    np.testing.assert_allclose(numpy(layer(inputs)), expected, atol=1e-5)


def test_lora_starts_at_nothing_and_is_all_that_trains(layer):
    inputs = RNG.normal(size=(3, 5)).astype("f4")
    before = numpy(layer(inputs))
    layer.enable_lora(2, alpha=4)
    np.testing.assert_array_equal(numpy(layer(inputs)), before)
    assert [variable.name for variable in layer.trainable_variables] == ["lora_a", "lora_b"]
    layer.lora_b.assign(RNG.normal(size=(7, 2)))
    update = 2.0 * numpy(layer.lora_b) @ numpy(layer.lora_a)
    np.testing.assert_allclose(numpy(layer(inputs)), before + inputs @ update.T, atol=1e-4)
    with pytest.raises(ValueError, match="already enabled"):
        layer.enable_lora(2)


def test_int8_kernel_is_close_and_a_quarter_of_the_size(layer):
    inputs = RNG.normal(size=(3, 5)).astype("f4")
    before = numpy(layer(inputs))
    layer.quantize("int8")
    after = numpy(layer(inputs))
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == "int8"
    assert 0 < abs(after - before).max() < 0.02 * abs(before).max()
    layer.quantize("int8")
    np.testing.assert_array_equal(numpy(layer(inputs)), after)
    with pytest.raises(ValueError, match="'int8' only"):
        layer.quantize("int4")


def test_config_round_trip(layer):
    again = Linear.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
