"""What JAX does where it believes to be on a GPU; the CPU computes it here."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("JAX's driver", allow_module_level=True)

import jax
import jax.numpy as jnp
from keras import ops

from generation.tiny_decoder import TinyModel
from generation.tiny_task import tiny_task
from hornbook import samplers
from hornbook.backbones.construction import dtype_policy
from hornbook.generation import Engine
from hornbook.generation.drivers.jax import AHEAD, JaxProgram
from hornbook.layers import Linear
from hornbook.layers.jax_product import MOST_OUTPUTS, is_summed, jax_sums
from hornbook.layers.linear_group import linear_products
from hornbook.layers.linear_product import linear_product_reference

PROMPTS, LENGTHS = [[3, 4, 5, 0], [7, 0, 0, 0], [9, 8, 7, 6]], [3, 1, 4]


@pytest.fixture
def pretend(monkeypatch):
    """Lets JAX say, from then on, that it runs elsewhere."""
    return lambda backend: monkeypatch.setattr(jax, "default_backend", lambda: backend)


def as_numpy(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("units", [(6,), (8, 4, 4), (7, 3), (5, 5)], ids=str)
def test_sums_are_products(dtype, units):
    random = np.random.default_rng(0)
    inputs = jnp.asarray(random.normal(size=(1, 1, 12)), dtype)
    kernels = [jnp.asarray(random.normal(size=(size, 12)), dtype) for size in units]
    for found, kernel in zip(jax_sums(inputs, kernels), kernels, strict=True):
        assert found.dtype == dtype
        expected = linear_product_reference(inputs, kernel)
        tolerance = 1e-5 if dtype == "float32" else 4e-2
        np.testing.assert_allclose(as_numpy(found), as_numpy(expected), atol=tolerance)


def test_only_a_single_row_on_a_gpu_is_summed(pretend):
    pretend("gpu")
    row, rows, kernel = jnp.ones((1, 1, 4)), jnp.ones((1, 2, 4)), jnp.ones((3, 4))
    assert is_summed(row, kernel)
    assert not is_summed(rows, kernel)
    assert not is_summed(row, jax.ShapeDtypeStruct((MOST_OUTPUTS + 1, 4), "float32"))
    pretend("tpu")
    assert not is_summed(row, kernel)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "mixed_bfloat16"])
@pytest.mark.parametrize("changed", ["", "lora", "int8"])
def test_layers_of_one_group(pretend, dtype, changed):
    keras.utils.set_random_seed(0)
    with dtype_policy(dtype):
        group = Linear(8, bias_initializer="normal"), Linear(4, use_bias=False), Linear(4)
    inputs = jnp.asarray(np.random.default_rng(0).normal(size=(1, 1, 6)), "float32")
    for layer in group:
        layer(inputs)
        if changed == "lora":
            layer.enable_lora(2)
            layer.lora_b.assign(jnp.ones_like(layer.lora_b.value))
        elif changed:
            layer.quantize("int8")
    expected = [layer(inputs) for layer in group]
    pretend("gpu")
    for found, other in zip(linear_products(inputs, group), expected, strict=True):
        assert found.dtype == other.dtype
        tolerance = 1e-5 if dtype == "float32" else 4e-2
        np.testing.assert_allclose(as_numpy(found), as_numpy(other), atol=tolerance)


@pytest.mark.parametrize(
    "sampler",
    [samplers.GreedySampler(), samplers.RandomSampler(seed=5), samplers.BeamSampler(2)],
    ids=lambda sampler: type(sampler).__name__,
)
@pytest.mark.parametrize("batch_size", [None, 1])
def test_tokens_are_the_same(pretend, sampler, batch_size):
    options = {"limits": [40, 150, 20], "sampler": sampler, "batch_size": batch_size}
    expected = Engine(TinyModel()).generate(PROMPTS, LENGTHS, **options)
    pretend("gpu")
    found = Engine(TinyModel()).generate(PROMPTS, LENGTHS, **options)
    np.testing.assert_array_equal(found.token_ids, expected.token_ids)


def test_texts_are_the_same(pretend):
    options = {"max_length": 24, "stop_token_ids": None}
    expected = tiny_task().generate(["a b", "c"], **options)
    pretend("gpu")
    assert tiny_task().generate(["a b", "c"], **options) == expected


def test_steps_end_soon_after_all_rows_are_done(pretend):
    pretend("gpu")
    engine, steps = Engine(TinyModel()), []
    first = engine.generate([[3, 4, 5]], [3], limits=40).token_ids[0]
    program = engine._program(engine.model.variables, samplers.get("greedy"))
    assert isinstance(program, JaxProgram)

    def step(*arguments, step=program._step):
        steps.append(None)
        return step(*arguments)

    program._step = step
    stopped = engine.generate([[3, 4, 5]], [3], limits=40, stop_token_ids=[int(first[7])])
    made = int(stopped.lengths[0]) - 3
    assert 1 < made < 30
    assert made - 1 <= len(steps) <= made - 1 + AHEAD
