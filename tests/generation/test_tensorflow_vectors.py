"""What TensorFlow's XLA is told by the environment, and that the environment is as it was."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.backends("tensorflow")

COMPILE = """
import os
import tensorflow as tf
from hornbook.generation.drivers.tensorflow_vectors import prefer_wide_vectors

before = dict(os.environ)
prefer_wide_vectors()
assert dict(os.environ) == before
tf.function(lambda: tf.constant(1), jit_compile=True, autograph=False)()
"""


@pytest.mark.parametrize(("own", "width"), [("", 512), ("--xla_cpu_prefer_vector_width=128", 128)])
def test_programs_are_compiled_with_wide_vectors_unless_somebody_chose(tmp_path, own, width):
    flags = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text {own}"
    subprocess.run(
        [sys.executable, "-c", COMPILE], check=True, env={**os.environ, "XLA_FLAGS": flags}
    )
    options = [path.read_text() for path in tmp_path.glob("*debug_options")]
    assert options
    assert all(f"xla_cpu_prefer_vector_width: {width}\n" in text for text in options)


@pytest.mark.parametrize(
    ("own", "version"),
    [
        (None, "2.20.1"),
        (None, "3.0.0"),
        ("a_file_of_flags", "2.21.0"),
        ("--xla_cpu_prefer_vector_width=128", "2.21.0"),
    ],
)
def test_xla_is_told_nothing_that_it_may_not_know_or_that_was_said(monkeypatch, own, version):
    import tensorflow as tf

    from hornbook.generation.drivers import tensorflow_vectors

    compiled = []
    monkeypatch.setattr(tf, "__version__", version)
    monkeypatch.setattr(tf, "function", lambda *_, **__: compiled.append)
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    if own is not None:
        monkeypatch.setenv("XLA_FLAGS", own)
    tensorflow_vectors.prefer_wide_vectors.__wrapped__()
    assert not compiled
    assert os.environ.get("XLA_FLAGS") == own
