"""The backend's calls of machine code."""

from typing import Any

import keras


def backend_calls() -> Any:
    """The module with them: `torch_calls`, or `xla_calls` on JAX and TensorFlow."""
    if keras.backend.backend() == "torch":
        from hornbook.native import torch_calls

        return torch_calls
    from hornbook.native import xla_calls

    return xla_calls
