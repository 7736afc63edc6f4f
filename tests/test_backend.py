"""Which backend is chosen, and why."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hornbook import backend
from hornbook.errors import BackendError


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """A machine where nothing is chosen, nor Keras imported yet."""
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(backend, "choose", backend.choose.__wrapped__)
    return tmp_path


def only_installed(monkeypatch, *names):
    monkeypatch.setattr(backend, "installed", lambda module: module in names)


def test_the_environment_comes_first(keras_home, monkeypatch):
    (keras_home / "keras.json").write_text('{"backend": "jax"}')
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backend.choose() == ("torch", "the environment variable KERAS_BACKEND")


def test_the_users_file_comes_second(keras_home):
    (keras_home / "keras.json").write_text('{"backend": "torch"}')
    assert backend.choose() == ("torch", f"the file {keras_home / 'keras.json'}")


@pytest.mark.parametrize(
    "content", [json.dumps(backend.KERAS_DEFAULTS), "{}", "[]", '{"backend": ""}', "not json"]
)
def test_a_file_in_which_nobody_chose_is_passed_over(keras_home, monkeypatch, content):
    (keras_home / "keras.json").write_text(content)
    only_installed(monkeypatch, "torch", "tensorflow")
    assert backend.choose()[0] == "torch"


def test_no_backend_is_an_error_with_its_remedy(keras_home, monkeypatch):
    only_installed(monkeypatch)
    assert backend.choose()[0] is None
    with pytest.raises(BackendError, match="pip install jax"):
        backend.require()


def test_a_missing_backend_is_an_error_with_its_remedy(keras_home, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    only_installed(monkeypatch, "jax")
    with pytest.raises(BackendError, match=r"'torch'.*pip install 'hornbook\[torch\]'"):
        backend.require()


def test_the_second_run_takes_the_same_backend_as_the_first(tmp_path, monkeypatch):
    """Keras writes "tensorflow" into a new keras.json, whatever it runs on."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    program = "import hornbook, keras; print(keras.config.backend())"
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert (tmp_path / "keras.json").exists()
    assert [run.stdout for run in runs] == ["jax\n", "jax\n"]


@pytest.fixture
def nothing_decided(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    monkeypatch.setenv("HORNBOOK_CACHE", str(tmp_path / "cache"))
    for name in (
        "JAX_COMPILATION_CACHE_DIR",
        "JAX_COMPILATION_CACHE_MAX_SIZE",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS",
    ):
        monkeypatch.setenv(name, "")  # so that it is as before after the test
        monkeypatch.delenv(name)
    return tmp_path


def test_compilations_are_kept_in_hornbooks_cache(nothing_decided):
    backend.keep_compilations()
    folder = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    assert folder.is_dir()
    assert folder.is_relative_to(nothing_decided / "cache" / "xla")
    assert int(os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"]) > 0
    assert 0 < float(os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"]) < 1


def test_who_decided_on_compilations_is_left_alone(nothing_decided, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    backend.keep_compilations()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "elsewhere"
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setitem(sys.modules, "jax", None)
    backend.keep_compilations()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


def test_no_place_for_compilations_is_no_error(nothing_decided, monkeypatch):
    (nothing_decided / "cache").write_text("a file where the folder would be")
    backend.keep_compilations()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


def test_the_second_process_compiles_nothing(nothing_decided):
    """What one process compiled, another one loads."""
    code = (
        "from hornbook import backend; backend.require()\n"
        "import jax, jax.numpy as jnp\n"
        "jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)\n"
        "from jax._src import monitoring\n"
        "hits = []\n"
        "monitoring.register_event_listener(lambda name, **_: hits.append(name))\n"
        "jax.jit(lambda x: jnp.sin(x) @ x)(jnp.ones((9, 9))).block_until_ready()\n"
        "print(sum(name.endswith('cache_hits') for name in hits))"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    hits = [
        int(
            subprocess.run(
                [sys.executable, "-c", code], env=environment, check=True, capture_output=True
            ).stdout
        )
        for _ in range(2)
    ]
    assert hits[0] == 0
    assert hits[1] > 0


@pytest.mark.backends("jax")
def test_a_program_on_the_cpu_runs_in_the_calling_thread():
    """Where its memory is taken from what was freed before."""
    import jax

    inputs = jax.numpy.ones((1500, 1500))
    assert jax.jit(lambda x: x @ x @ x)(inputs).is_ready()
