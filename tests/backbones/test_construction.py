import keras
import ml_dtypes
import numpy as np
import pytest

from hornbook.backbones.construction import (
    creates_values,
    dtype_policy,
    initialize,
    set_value,
    without_values,
)
from hornbook.layers import Linear


# JAX's device_put copies a large array late and keeps one that happens to be aligned.
@pytest.mark.parametrize("offset", [0, 4])
@pytest.mark.parametrize("rows", [3, 500_000])
def test_variables_made_without_values_get_them_later(rows, offset):
    with without_values():
        assert not creates_values()
        layer = Linear(2)
        layer.build((None, rows))
    assert creates_values()
    assert layer.kernel._value is None
    memory = np.zeros(rows * 8 + 128, "uint8")
    start = -memory.ctypes.data % 64 + offset
    value = memory[start : start + rows * 8].view("f4").reshape(rows, 2)
    value[:] = np.arange(rows * 2).reshape(rows, 2)
    expected = value.copy()
    set_value(layer.kernel, value)
    initialize(layer.variables)
    value[:] = 0
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.kernel), expected)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.bias), np.zeros(2))


def test_a_failure_inside_leaves_nothing_to_initialize():
    with pytest.raises(ValueError, match="shape"), without_values():
        Linear(3).build((None, -2))
    assert creates_values()
    with keras.StatelessScope():
        pass


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("stored", ["float32", "float16", ml_dtypes.bfloat16])
def test_values_are_converted_to_the_variables_dtype(stored, dtype):
    with without_values(), dtype_policy(dtype):
        layer = Linear(2, use_bias=False)
        layer.build((None, 2))
    value = np.array([[1.5, -2.0], [0.25, 3.0]]).astype(stored)
    value.setflags(write=False)
    set_value(layer.kernel, value)
    assert keras.backend.standardize_dtype(layer.kernel.dtype) == dtype
    read = keras.ops.convert_to_numpy(keras.ops.cast(layer.kernel.value, "float32"))
    np.testing.assert_array_equal(read, value.astype("f4"))


def test_policy_is_the_default_only_inside():
    before = keras.config.dtype_policy()
    with dtype_policy("mixed_bfloat16"):
        assert Linear(1).compute_dtype == "bfloat16"
    assert keras.config.dtype_policy() == before
