"""The affine map: every matrix product of every family goes through this brick."""

from typing import Any

import keras
from keras import ops

from hornbook.layers.initializer import own_initializer
from hornbook.layers.likeliest_product import output_product
from hornbook.layers.linear_product import linear_product


@keras.saving.register_keras_serializable(package="hornbook")
class Linear(keras.layers.Layer):
    """Maps the last axis: `outputs = inputs @ kernel.T + bias`.

    Variables are `kernel` [units, inputs] (the layout of checkpoints) and `bias` [units].
    LoRA (Hu et al., 2021) adds `lora_b @ lora_a`; int8 quantization keeps `kernel` as int8 with a
    `kernel_scale` [units, 1] for each output.

    Example:
        >>> import numpy as np
        >>> Linear(3)(np.ones((2, 5), "float32")).shape
        (2, 3)
    """

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.units = units
        self.use_bias = use_bias
        self.kernel_initializer = own_initializer(kernel_initializer)
        self.bias_initializer = own_initializer(bias_initializer)
        self.lora_scale: float | None = None
        self.is_quantized = False

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.units, input_shape[-1]),
            initializer=self.kernel_initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.units,), initializer=self.bias_initializer
            )

    def call(self, inputs: Any) -> Any:
        bias = self.bias if self.use_bias else None
        outputs = output_product(self, inputs, self._dequantized_kernel(), bias)
        if self.lora_scale is not None:
            update = linear_product(linear_product(inputs, self.lora_a), self.lora_b)
            outputs = outputs + update * ops.cast(self.lora_scale, outputs.dtype)
        return outputs

    def enable_lora(self, rank: int, alpha: float | None = None) -> None:
        """Freezes the kernel and adds a trainable update of the given rank, which starts at zero.

        `alpha` scales the update by `alpha / rank`; it is `rank` by default.
        """
        if self.lora_scale is not None:
            raise ValueError(f"LoRA is already enabled on the layer '{self.path}'.")
        self._tracker.unlock()
        inputs = self.kernel.shape[1]
        with self._open_name_scope():
            self.lora_a = self.add_weight(
                name="lora_a", shape=(rank, inputs), initializer="he_uniform"
            )
            self.lora_b = self.add_weight(
                name="lora_b", shape=(self.units, rank), initializer="zeros"
            )
        self._tracker.lock()
        self.kernel.trainable = False
        if self.use_bias:
            self.bias.trainable = False
        self.lora_scale = (rank if alpha is None else alpha) / rank

    def quantize(self, mode: str = "int8", **_: Any) -> None:
        """Stores the kernel as int8 with one scale an output; products run in the compute dtype."""
        if mode != "int8":
            raise ValueError(f"Linear quantizes to 'int8' only; received mode={mode!r}.")
        if self.is_quantized:
            return
        kernel = ops.convert_to_numpy(ops.cast(self.kernel, "float32"))
        scale = abs(kernel).max(axis=1, keepdims=True) / 127.0
        scale[scale == 0.0] = 1.0
        self._tracker.unlock()
        self._untrack_variable(self.kernel)
        with self._open_name_scope():
            self.kernel = self.add_weight(
                name="kernel", shape=kernel.shape, dtype="int8", initializer="zeros",
                trainable=False, autocast=False,
            )  # fmt: skip
            self.kernel_scale = self.add_weight(
                name="kernel_scale", shape=scale.shape, initializer="ones", trainable=False
            )
        self._tracker.lock()
        self.kernel.assign((kernel / scale).round().astype("int8"))
        self.kernel_scale.assign(scale)
        self.is_quantized = True

    def _dequantized_kernel(self) -> Any:
        if not self.is_quantized:
            return self.kernel
        return ops.cast(self.kernel, self.compute_dtype) * self.kernel_scale

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
