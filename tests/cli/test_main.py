"""What all commands share: help, exit statuses, errors without a traceback."""

import ast
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import hornbook as package
from hornbook.cli import app as commands
from hornbook.cli import doctor
from hornbook.errors import CheckpointError

FOLDER = Path(commands.__file__).parent


@pytest.fixture
def failing(monkeypatch):
    """A function that makes `hornbook doctor` raise."""

    def fail(error: BaseException) -> None:
        def examine():
            raise error

        monkeypatch.setattr(doctor, "examine", examine)

    return fail


def test_help_lists_every_command_with_its_summary(hornbook):
    outcome = hornbook("--help")
    assert outcome.status == 0
    for name, summary in commands.COMMANDS.items():
        assert f"{name}  " in outcome.out
        assert summary in outcome.out


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_a_command_has_its_own_file_summary_and_help(hornbook, name):
    tree = ast.parse((FOLDER / f"{name}.py").read_text())
    (function,) = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "command"
    ]
    assert ast.get_docstring(function).splitlines()[0] == commands.COMMANDS[name]
    outcome = hornbook(name, "--help")
    assert (outcome.status, outcome.err) == (0, "")
    assert f"Usage: hornbook {name}" in outcome.out


def test_version(hornbook):
    assert hornbook("--version").out == f"hornbook {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generat"], "Did you mean 'generate'?"),
        (["doctor", "--jsn"], "No such option"),
        (["show"], "Missing argument"),
    ],
)
def test_a_wrong_command_line_exits_with_2_and_says_what_is_wrong(hornbook, arguments, message):
    outcome = hornbook(*arguments)
    assert (outcome.status, outcome.out) == (2, "")
    assert message in outcome.err


def test_an_error_is_one_line_and_exits_with_1(hornbook, failing):
    failing(CheckpointError("model.safetensors is cut short"))
    outcome = hornbook("doctor")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.endswith("error: model.safetensors is cut short\n")
    assert "Traceback" not in outcome.err


def test_an_error_of_the_system_is_one_line_too(hornbook, failing):
    failing(PermissionError(errno.EACCES, "Permission denied", "/a/folder"))
    outcome = hornbook("doctor")
    assert outcome.status == 1
    assert outcome.err.endswith("error: [Errno 13] Permission denied: '/a/folder'\n")


def test_debugging_shows_the_traceback(hornbook, failing, monkeypatch):
    monkeypatch.setenv("HORNBOOK_DEBUG", "1")
    failing(CheckpointError("cut short"))
    with pytest.raises(CheckpointError, match="cut short"):
        hornbook("doctor")


def test_a_mistake_of_hornbooks_own_is_not_hidden(hornbook, failing):
    failing(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        hornbook("doctor")


def test_ctrl_c_exits_with_130(hornbook, failing):
    failing(KeyboardInterrupt())
    outcome = hornbook("doctor")
    assert outcome.status == 130
    assert "Traceback" not in outcome.err


def test_a_real_interrupt_exits_with_130():
    program = (
        "import os, signal, sys\n"
        # A shell's `&` has it ignored, in all processes below.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from hornbook.cli import doctor, main\n"
        "doctor.examine = lambda: os.kill(os.getpid(), signal.SIGINT) or signal.pause()\n"
        "sys.argv = ['hornbook', 'doctor']\n"
        "main()"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 128 + signal.SIGINT
    assert "Traceback" not in result.stderr


def test_a_reader_that_leaves_is_no_error():
    """As in `hornbook list | head -1`: the reading end is closed before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, "-m", "hornbook.cli", "--help"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, "")
