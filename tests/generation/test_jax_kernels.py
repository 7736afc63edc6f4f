"""Kernels and vectors that lie side by side while JAX generates on the CPU."""

import gc

import keras
import numpy as np
import pytest

if keras.backend.backend() != "jax":
    pytest.skip("JAX's driver", allow_module_level=True)

from hornbook.generation import Engine
from hornbook.generation.drivers import jax_kernels
from hornbook.models import LlamaBackbone, LlamaCausalLM

PROMPTS = np.array([[3, 4, 5], [6, 7, 0]]), [3, 2]


def groups_of(model):
    return [
        group for layer in model._flatten_layers() for group in getattr(layer, "linear_groups", ())
    ]


def address(variable):
    return variable.value.unsafe_buffer_pointer()


def lie_together(group):
    ends = [address(layer.kernel) + layer.kernel.value.nbytes for layer in group]
    return [address(layer.kernel) for layer in group[1:]] == ends[:-1]


@pytest.fixture
def model():
    # 16 inputs: each row of a kernel fills the 64 bytes to which XLA aligns.
    return LlamaCausalLM(
        LlamaBackbone(
            vocabulary_size=50, num_layers=2, num_query_heads=2, num_key_value_heads=1,
            hidden_dim=16, intermediate_dim=24,
        )
    )  # fmt: skip


def generate(model):
    return Engine(model).generate(*PROMPTS, limits=9).token_ids


def apart(model, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(jax_kernels, "_groups", lambda model: [])
        patch.setattr(jax_kernels, "_vectors", lambda variables: [])
        return generate(model)


def test_tokens_are_the_same(model, monkeypatch):
    expected = apart(model, monkeypatch)
    before = [np.array(variable.value) for variable in model.variables]
    np.testing.assert_array_equal(generate(model), expected)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.value, value)


def test_no_kernel_is_there_twice(model):
    assert len(groups_of(model)) == 4
    generate(model)
    addresses = [address(variable) for variable in model.variables]
    assert all(map(lie_together, groups_of(model)))
    generate(model)
    assert [address(variable) for variable in model.variables] == addresses


def test_new_values_are_used_and_the_old_memory_is_left(model, monkeypatch):
    engine = Engine(model)
    engine.generate(*PROMPTS, limits=9)
    group = groups_of(model)[0]
    assert group[0] in jax_kernels._HELD
    group[1].kernel.assign(-3 * group[1].kernel.value)
    gc.collect()
    assert group[0] not in jax_kernels._HELD
    engine.generate(*PROMPTS, limits=9)
    kept = group[0].kernel.value
    group[0].kernel.assign(-3 * kept)
    found = engine.generate(*PROMPTS, limits=9).token_ids
    assert lie_together(group)
    np.testing.assert_array_equal(found, apart(model, monkeypatch))


def test_new_values_of_vectors_are_used(model, monkeypatch):
    vectors = [variable for variable in model.variables if len(variable.shape) == 1]
    assert len(vectors) == 5
    engine = Engine(model)
    before = engine.generate(*PROMPTS, limits=9).token_ids
    for number, vector in enumerate(vectors):
        vector.assign(np.cos(np.arange(16) + number))
    after = engine.generate(*PROMPTS, limits=9).token_ids
    assert (after != before).any()
    np.testing.assert_array_equal(after, apart(model, monkeypatch))


def test_vectors_of_different_types_are_joined_apart():
    single, half = "float32", "bfloat16"
    shapes = ((3,), single), ((2, 2), single), ((4,), half), ((), single), ((2,), single)
    variables = [keras.Variable(np.ones(shape), dtype=dtype) for shape, dtype in shapes]
    assert jax_kernels._vectors(variables) == [[variables[0], variables[4]], [variables[2]]]


def test_adapted_layers_stay_apart(model, monkeypatch):
    group = groups_of(model)[0]
    group[0].enable_lora(2)
    group[0].lora_b.assign(np.ones(group[0].lora_b.shape))
    expected = apart(model, monkeypatch)
    np.testing.assert_array_equal(generate(model), expected)
    assert group[0] not in jax_kernels._HELD
    assert all(map(lie_together, groups_of(model)[1:]))
