"""Dropout whose random numbers cost little on the CPU."""

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="hornbook")
class Dropout(keras.layers.Dropout):
    """`keras.layers.Dropout`, in a fraction of the time on the CPU (docs/decisions/dropout.md).

    Follows Srivastava et al., "Dropout" (2014): in training each number is zero with probability
    `rate`, and the others are divided by `1 - rate`. The same seed gives the same zeros, which
    aren't those that Keras's layer gives for it.

    Args:
        rate: the share that is dropped, from 0 to 1.
        noise_shape: as in Keras, which then does the work.
        seed: of the random numbers.

    Example:
        >>> import numpy as np
        >>> outputs = Dropout(0.5, seed=1)(np.ones((2, 50), "float32"), training=True)
        >>> sorted({float(number) for number in keras.ops.ravel(outputs)})
        [0.0, 2.0]
    """

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or not self.is_random or self.noise_shape is not None:
            return super().call(inputs, training=training)
        backend = keras.backend.backend()
        if backend == "jax":
            from hornbook.layers.jax_dropout import jax_dropout

            return jax_dropout(inputs, self.next_seed(), self.rate)
        if backend == "tensorflow":
            from hornbook.layers.tensorflow_dropout import tensorflow_dropout
            from hornbook.layers.tensorflow_fusion import can_fuse

            if can_fuse(inputs):  # else the words would be written out round by round
                return tensorflow_dropout(inputs, self.next_seed(), self.rate)
        else:
            from hornbook.layers.torch_dropout import is_computed_on_the_cpu, torch_dropout

            if is_computed_on_the_cpu(inputs):
                return torch_dropout(inputs, self.generator(), self.rate)
        return super().call(inputs, training=training)

    @property
    def is_random(self) -> bool:
        """Whether some numbers are dropped, and not all."""
        return 0 < self.rate < 1

    def next_seed(self) -> Any:
        """Two integers, different ones each time: [2], uint32 on JAX and TensorFlow."""
        return self.seed_generator.next()

    def generator(self) -> Any:
        """Torch's, in the state of the next seed; None for the one that it keeps itself."""
        if self.seed is None:
            return None
        import torch

        # Torch takes 32 bits of a seed, on the CPU.
        words = [number % 2**32 for number in self.next_seed().tolist()]
        (state,) = np.random.SeedSequence(words).generate_state(1)
        return torch.Generator().manual_seed(int(state))


def optional_dropout(rate: float, dtype: Any, name: str = "dropout") -> Dropout | None:
    """The layer in a dtype policy, or None where nothing is dropped."""
    return Dropout(rate, name=name, dtype=dtype) if rate else None
