"""The backend's calls of machine code, as this processor and as smaller ones would have them."""

from dataclasses import replace
from functools import cache

import keras
import pytest

from hornbook.native.processor import this_processor

KINDS = {
    "this": {},
    "without a bfloat16 product": {"has_bfloat16_dot": False},
    "AVX2": {"has_bfloat16_dot": False, "name": "haswell", "features": "+avx2,+fma", "lanes": 8},
}


@pytest.fixture(params=KINDS)
def calls(request, monkeypatch):
    """The backend's calls, with the code for a processor that this one can stand in for."""
    if this_processor() is None:
        pytest.skip("no machine code for this processor")
    if keras.backend.backend() != "torch":
        from hornbook.native import xla_calls as calls
    else:
        from hornbook.native import torch_calls as calls

        for name in ("_product", "_attention", "_bounds", "_likeliest", "_function"):
            monkeypatch.setattr(calls, name, cache(getattr(calls, name).__wrapped__))
    chosen = replace(this_processor(), **KINDS[request.param])
    monkeypatch.setattr(calls, "this_processor", lambda: chosen)
    return calls
