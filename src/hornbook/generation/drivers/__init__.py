"""One driver a backend: how the steps of generation are compiled and repeated there."""

import keras

from hornbook.generation.drivers.program import Program


def program_class() -> type[Program]:
    """The driver of the backend that Keras runs on."""
    backend = keras.backend.backend()
    if backend == "jax":
        from hornbook.generation.drivers.jax import JaxProgram

        return JaxProgram
    if backend == "torch":
        from hornbook.generation.drivers.torch import TorchProgram

        return TorchProgram
    from hornbook.generation.drivers.tensorflow import TensorFlowProgram

    return TensorFlowProgram
