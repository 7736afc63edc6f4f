"""Vectors of 512 bits for what XLA compiles on TensorFlow's CPU.

XLA prefers 256, in which it reads kernels more slowly than the memory allows
(docs/decisions/xla_cpu.md). TensorFlow passes options to XLA by the environment alone, from which
XLA reads them once, when it first compiles.
"""

import os
from functools import cache

import tensorflow as tf

WIDE_VECTORS = "--xla_cpu_prefer_vector_width=512"
FLAGS = "XLA_FLAGS"
KNOWN_TO = ("2.21",)
"""Versions of TensorFlow that have the option; one that hasn't would end the process."""


@cache
def prefer_wide_vectors() -> None:
    """Lets XLA compile with wide vectors, if nothing was compiled yet and nobody chose a width.

    The environment is the same afterwards. Whatever else the process compiles with XLA has the
    preference too; training is as fast with it as without.
    """
    own = os.environ.get(FLAGS)
    flags = (own or "").strip()
    names_a_file = flags != "" and not flags.startswith("-")
    is_known = ".".join(tf.__version__.split(".")[:2]) in KNOWN_TO
    if not is_known or names_a_file or "xla_cpu_prefer_vector_width" in flags:
        return
    os.environ[FLAGS] = f"{WIDE_VECTORS} {flags}"
    try:
        tf.function(lambda: tf.constant(0), jit_compile=True, autograph=False)()
    finally:
        if own is None:
            del os.environ[FLAGS]
        else:
            os.environ[FLAGS] = own
