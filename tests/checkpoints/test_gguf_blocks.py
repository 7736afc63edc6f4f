"""Dequantization, equal to the last bit to the `gguf` package's."""

import gguf
import numpy as np
import pytest

from hornbook.checkpoints.gguf_blocks import TYPES, VALUES_AT_ONCE, TensorType, dequantize

pytestmark = pytest.mark.backend_free
QUANTIZED = {number: kind for number, kind in TYPES.items() if kind.dequantize is not None}


def test_numbers_names_and_sizes_are_ggml_s():
    for number, kind in TYPES.items():
        known = gguf.GGMLQuantizationType(number)
        assert kind.name == known.name
        assert (kind.block_size, kind.dtype.itemsize) == gguf.GGML_QUANT_SIZES[known]


@pytest.mark.parametrize("number", QUANTIZED, ids=[kind.name for kind in QUANTIZED.values()])
def test_random_blocks_become_the_same_values(number: int):
    kind = TYPES[number]
    count = VALUES_AT_ONCE // kind.block_size + 3  # more than one step, the last one short
    rng = np.random.default_rng(number)
    raw = rng.integers(0, 256, (count, kind.dtype.itemsize), dtype=np.uint8)
    with np.errstate(all="ignore"):
        expected = gguf.dequantize(raw, gguf.GGMLQuantizationType(number))
    values = dequantize(raw.reshape(-1).view(kind.dtype), kind)
    assert values.dtype == np.float32
    # Random scales are infinite or not a number here and there; those have to be equal too.
    np.testing.assert_array_equal(values, expected.reshape(-1))
    assert np.isfinite(values).mean() > 0.8


@pytest.mark.parametrize("number", QUANTIZED, ids=[kind.name for kind in QUANTIZED.values()])
def test_no_blocks_are_no_values(number: int):
    assert dequantize(np.zeros(0, TYPES[number].dtype), TYPES[number]).shape == (0,)


@pytest.mark.parametrize("kind", [kind for kind in TYPES.values() if not kind.dequantize])
def test_plain_types_come_back_as_they_are(kind: TensorType):
    blocks = np.zeros(3, kind.dtype)
    assert dequantize(blocks, kind) is blocks
