"""What an import or a look at the help text costs: neither Keras nor a backend."""

import json
import subprocess
import sys

import pytest

HEAVY = {"keras", "jax", "torch", "tensorflow", "transformers", "matplotlib"}
LIGHT = ["hornbook", "hornbook.errors", "hornbook.backend", "hornbook.cli", "hornbook.tokenizers"]


def heavy_modules_after(statement: str) -> set[str]:
    """Runs a statement in a fresh interpreter and returns what heavy modules it left loaded."""
    program = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return HEAVY & set(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", LIGHT)
def test_importing_loads_neither_keras_nor_a_backend(module):
    assert heavy_modules_after(f"import {module}") == set()


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["generate", "--help"], ["doctor", "--help"], ["bench", "--help"], ["--version"]],
)
def test_help_loads_neither_keras_nor_a_backend(arguments):
    statement = (
        "import sys\n"
        "from hornbook.cli import main\n"
        f"sys.argv = ['hornbook', *{arguments!r}]\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n    assert stop.code in (0, None)"
    )
    assert heavy_modules_after(statement) == set()


def test_a_public_namespace_loads_on_first_use():
    assert heavy_modules_after("import hornbook\nhornbook.layers") >= {"keras"}
