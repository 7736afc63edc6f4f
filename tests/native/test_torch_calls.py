"""The machine code as torch has it, and where it is taken."""

import pytest

torch = pytest.importorskip("torch")

from hornbook.generation.drivers.torch_recording import Recorder  # noqa: E402
from hornbook.native import openmp, torch_calls  # noqa: E402
from hornbook.native.processor import this_processor  # noqa: E402
from hornbook.native.scope import SWITCH, machine_code  # noqa: E402

pytestmark = [
    pytest.mark.backends("torch"),
    pytest.mark.skipif(this_processor() is None, reason="no machine code for this processor"),
]


def normal(*shape, dtype=torch.bfloat16):
    return torch.randn(shape, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 2, 4])
def test_a_bias_is_added_before_rounding(calls, rows, dtype):
    inputs, kernel, bias = (normal(*s, dtype=dtype) for s in ((1, rows, 37), (67, 37), (67,)))
    made = calls.native_product(inputs, kernel, bias)
    exact = inputs.double() @ kernel.double().T + bias.double()
    assert made.shape == exact.shape
    place = 2**-8 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(made.double(), exact, atol=2e-5, rtol=1.01 * place)


def test_a_bias_that_lies_apart_and_has_another_dtype(calls):
    inputs, kernel, bias = normal(2, 37), normal(67, 37), normal(134, dtype=torch.float32)[::2]
    made = calls.native_product(inputs, kernel, bias)
    expected = calls.native_product(inputs, kernel, bias.to(torch.bfloat16))
    torch.testing.assert_close(made, expected, atol=0, rtol=0)


def test_inputs_that_lie_apart(calls):
    inputs, kernel = normal(37, 3).T, normal(5, 37)
    made, expected = (calls.native_product(x, kernel) for x in (inputs, inputs.contiguous()))
    torch.testing.assert_close(made, expected, atol=0, rtol=0)


def test_the_queries_dtype_is_the_results(calls):
    query, cache = normal(1, 1, 2, 16), normal(1, 2, 64, 16)
    mask = torch.ones(1, 1, 1, 64, dtype=torch.bool)
    assert calls.native_attention(query, cache, cache, mask, 1.0).dtype == torch.bfloat16


def test_a_recording_holds_a_call_each():
    inputs, kernel, bias = normal(2, 37), normal(67, 37), normal(67)
    cache, mask = normal(1, 2, 64, 16), torch.ones(1, 1, 1, 64, dtype=torch.bool)
    query = normal(1, 1, 2, 16)
    with Recorder([inputs, query]) as recorder:
        made = [
            torch_calls.native_product(inputs, kernel, bias),
            torch_calls.native_attention(query, cache, cache, mask, 1.0),
        ]
    recording = recorder.recording(made)
    for again, first in zip(recording([inputs, query]), made, strict=True):
        torch.testing.assert_close(again, first, atol=0, rtol=0)
    assert len(recorder.calls) == 2
    others = recording([inputs + 1, query + 1])
    expected = torch_calls.native_product(inputs + 1, kernel, bias)
    torch.testing.assert_close(others[0], expected, atol=0, rtol=0)


def test_several_threads():
    """Those of OpenMP, which may be more than there are processors."""
    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            for units in (1, 3, 500, 5000):
                inputs, kernel = normal(3, 320), normal(units, 320)
                exact = inputs.double() @ kernel.double().T
                made = torch_calls.native_product(inputs, kernel)
                torch.testing.assert_close(made.double(), exact, atol=2e-5, rtol=1.01 * 2**-8)
    finally:
        torch.set_num_threads(before)


def taken(inputs=(2, 64), kernel=(8, 64), dtype=torch.bfloat16):
    tensors = normal(*inputs, dtype=dtype), normal(*kernel, dtype=dtype)
    with machine_code():
        return torch_calls.has_native_product(*tensors)


@torch.no_grad()
def test_what_is_taken():
    assert taken()
    assert taken((1, 1, 64))
    assert taken((1, 64), dtype=torch.float32)
    assert not taken((1000, 64))
    assert not taken((0, 64))
    assert not taken(dtype=torch.float16)
    with machine_code():
        assert not torch_calls.has_native_product(normal(2, 8), normal(8, 5).T)
        assert not torch_calls.has_native_attention(*[normal(1, 1, 64, 16)] * 3, None)


@torch.no_grad()
def test_only_where_it_is_allowed(monkeypatch):
    assert not torch_calls.has_native_product(normal(2, 64), normal(8, 64))
    with torch.enable_grad():
        assert not taken()
    with monkeypatch.context() as patch:
        patch.setenv(SWITCH, "0")
        assert not taken()
    with monkeypatch.context() as patch:
        patch.setattr(torch.__config__, "parallel_info", lambda: "ATen parallel backend: native")
        openmp.torchs_openmp.cache_clear()
        assert not taken()
    openmp.torchs_openmp.cache_clear()
    assert taken()


@torch.no_grad()
def test_not_on_an_accelerator():
    with machine_code():
        meta = normal(2, 64).to("meta"), normal(8, 64).to("meta")
        assert not torch_calls.has_native_product(*meta)


@torch.no_grad()
def test_not_for_tensors_of_another_kind():
    class Elsewhere(torch.Tensor):
        """As those are whose numbers lie on several machines."""

    kernel = normal(8, 64)
    with machine_code():
        assert torch_calls.has_native_product(normal(2, 64), torch.nn.Parameter(kernel))
        assert not torch_calls.has_native_product(normal(2, 64), kernel.as_subclass(Elsewhere))
