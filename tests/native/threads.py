"""Run by a test: threads share the work on a call, and calls at once don't meet."""

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
from keras import ops

from hornbook.native.compiler import compiled
from hornbook.native.processor import this_processor
from hornbook.native.xla_calls import _framework, native_product
from hornbook.native.xla_handler import handler_code

# Each part notes where its thread's stack is, and takes long enough for others to come.
WHERE = """
define internal i64 @count(ptr %arguments) {
  %count = call i64 @dimension(ptr %arguments, i64 0, i64 0)
  ret i64 %count
}
define internal void @run(ptr %arguments, ptr %results, i64 %first, i64 %last) {
start:
  %here = alloca i64
  %place = ptrtoint ptr %here to i64
  %numbers = call ptr @array(ptr %results, i64 0)
  br label %part
part:
  %number = phi i64 [ %first, %start ], [ %number.next, %done ]
  %target = getelementptr i64, ptr %numbers, i64 %number
  br label %spin
spin:
  %turn = phi i64 [ 0, %part ], [ %turn.next, %spin ]
  store volatile i64 %turn, ptr %here
  %turn.next = add i64 %turn, 1
  %goes.on = icmp slt i64 %turn, 10000000
  br i1 %goes.on, label %spin, label %done
done:
  store i64 %place, ptr %target
  %number.next = add i64 %number, 1
  %is.more = icmp slt i64 %number.next, %last
  br i1 %is.more, label %part, label %out
out:
  ret void
}
"""


def compiled_by_xla(function):
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    return tf.function(function, jit_compile=True)


def numbers(tensor):
    return np.asarray(ops.convert_to_numpy(ops.cast(tensor, "float32")), "f8")


def stacks() -> set[int]:
    """Whose stacks 32 parts ran on."""
    framework = _framework()
    (handler,) = compiled(WHERE + handler_code(framework), ["handler"], this_processor())
    framework.register("where", handler)

    @compiled_by_xla
    def call(parts):
        return framework.call("where", (2, 32), "int32", (parts,), is_in_place=False)

    places = ops.convert_to_numpy(call(ops.zeros(32, "int8"))).reshape(-1).view("u8")
    return {int(place) >> 16 for place in places}


def multiply(seed: int) -> None:
    """Products of many sizes are numpy's, whoever else multiplies at the time."""
    rng = np.random.default_rng(seed)
    for units in (1, 3, 4, 5, 16, 63, 64, 500):
        inputs = ops.cast(rng.normal(size=(3, 64)), "bfloat16")
        kernel = ops.cast(rng.normal(size=(units, 64)), "bfloat16")
        expected = numbers(inputs) @ numbers(kernel).T
        product = compiled_by_xla(native_product)
        for _ in range(50):
            made = numbers(product(inputs, kernel))
            np.testing.assert_allclose(made, expected, atol=1e-5, rtol=1.01 * 2**-8)


if __name__ == "__main__":
    found = stacks()
    assert 0 not in found, "some part was left out"
    assert len(found) > 1, "one thread did all of it"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(multiply, range(4)))
