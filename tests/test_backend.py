"""Which backend is chosen, and why."""

import json
import subprocess
import sys

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
