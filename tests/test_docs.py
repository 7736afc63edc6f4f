"""The Python of these pages runs, in order, in one folder of its own."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import hornbook

# The pages show what the default backend prints.
pytestmark = pytest.mark.backends("jax")

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


PAGES = [
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if BLOCK.search(path.read_text("utf-8"))
]


@pytest.mark.usefixtures("keras_nlp_alias")
@pytest.mark.parametrize("page", PAGES)
def test_python_of_page_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall((ROOT / page).read_text("utf-8"))
    if any("XLA_FLAGS" in block for block in blocks):  # read once, when JAX starts
        done = subprocess.run([sys.executable, "-c", "".join(blocks)], capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout.strip()
        return
    namespace: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)
    assert capsys.readouterr().out.strip()


def test_names_that_the_table_says_are_here_are():
    table = (ROOT / "docs/keras_nlp_names.md").read_text("utf-8")
    section = None
    names = []
    for line in table.splitlines():
        if line.startswith("## "):
            section = getattr(hornbook, line.removeprefix("## "))
        elif match := re.match(r"\| `\w+` \| `(\w+)` \|", line):
            names.append(match[1])
            assert getattr(section, match[1])
    assert len(names) > 40


def test_the_table_of_families_is_up_to_date():
    made = runpy.run_path(ROOT / "docs/families.py")["page"]()
    there = (ROOT / "docs/families.md").read_text("utf-8")
    assert there == made, "run `python docs/families.py` to make docs/families.md again"
