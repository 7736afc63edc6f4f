"""Holds the source to its budgets and its arrows; every rule lists all that break it."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "hornbook"
FILES = sorted(SOURCE.rglob("*.py"))
FAMILIES = sorted(path for path in (SOURCE / "families").iterdir() if (path / "model.py").is_file())

FILE_LINES = 400
FUNCTION_LINES = 50  # without its docstring
FAMILY_LINES = 250  # without presets.py, which is data
DERIVATIVE_LINES = 80  # of a family that builds on another one
BUDGETS = Path(__file__).parents[1] / "docs" / "decisions" / "budgets.md"  # lists what has more
FAMILY_FILES = {"__init__.py", "model.py", "weights.py", "presets.py"}
FAMILY_IMPORTS = {"layers", "backbones", "checkpoints", "families", "tokenizers"}
NAMELESS = {"utils", "util", "helpers", "helper", "misc", "common"}

# What a part of the package must not know of. Arrows never point back.
STRINGS = {"tokenizers", "preprocessing"}
MODELS = {"backbones", "families", "tasks"}
DRIVERS = {"generation", "training", "bench", "cli"}
UNKNOWN_TO = {
    "native": STRINGS | MODELS | DRIVERS | {"checkpoints", "layers", "samplers"},
    "layers": STRINGS | MODELS | DRIVERS | {"checkpoints"},
    "backbones": STRINGS | DRIVERS | {"families", "tasks"},
    "tokenizers": MODELS | DRIVERS | {"layers"},
    "samplers": STRINGS | MODELS | {"training", "bench", "cli"},
    "generation": STRINGS | {"families", "tasks", "cli", "training", "bench"},
    "checkpoints": {"tasks"} | DRIVERS,
    "metrics": MODELS | DRIVERS,
    "losses": MODELS | DRIVERS,
    "preprocessing": {"backbones", "tasks"} | DRIVERS,
    "training": {"families", "bench", "cli"},
    "tasks": {"bench", "cli"},
    "bench": {"cli"},
}

# Names that other projects gave to their tools, files, classes and kinds.
FOREIGN_NAMES = re.compile(
    r"llama[._-]cpp|llama-gguf-split|sentence_bert_config\.json|\"llama3\"|"
    r"Bert(Normalizer|PreTokenizer|Processing)"
)
FOREIGN_NAME_FILES = {  # GGUF's own values of tokenizer.ggml.model and tokenizer.ggml.pre
    "tokenizers/gguf.py",
    "tokenizers/gguf_pre_tokenizers.py",
    "bench/contenders/gguf_decoder.py",  # calls llama.cpp, whose functions begin with its name
}


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def documented(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.Expr]]:
    kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            yield node, node.body[0]


def family_lines(folder: Path) -> int:
    return sum(lines(path) for path in folder.glob("*.py") if path.name != "presets.py")


def imported(path: Path) -> set[str]:
    """Every module that a file imports, and every name that it takes from one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def imported_parts(path: Path) -> set[str]:
    """The direct children of hornbook that a file imports, anywhere in it."""
    return {name.split(".")[1] for name in imported(path) if name.startswith("hornbook.")}


def is_derivative(folder: Path) -> bool:
    """Whether a family builds on another one's model, or changes its declaration."""
    names = set().union(*map(imported, folder.glob("*.py")))
    others = [other.name for other in FAMILIES if other != folder]
    declaration = (folder / "__init__.py").read_text()
    return any(
        f"hornbook.families.{other}.model" in names
        or re.search(rf"\breplace\(\s*{other}\.FAMILY\b(?!\.)", declaration)
        for other in others
    )


def larger_derivatives() -> dict[str, int]:
    """The derivatives that are documented to have more lines, and how many."""
    return {
        name: int(limit)
        for name, limit in re.findall(
            r"^\| (\w+) \| (\d+) \| \S[^|\n]+ \|$", BUDGETS.read_text(), re.MULTILINE
        )
    }


def test_no_file_is_over_its_budget():
    assert [f"{relative(p)}: {lines(p)}" for p in FILES if lines(p) > FILE_LINES] == []


def test_no_function_is_over_its_budget():
    long = []
    for path in FILES:
        tree = ast.parse(path.read_text())
        docs = {id(node): doc.end_lineno - doc.lineno + 1 for node, doc in documented(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.lineno + 1 - docs.get(id(node), 0)
                if length > FUNCTION_LINES:
                    long.append(f"{relative(path)}:{node.lineno} {node.name}: {length}")
    assert long == []


def test_files_are_named_for_a_concept():
    assert [relative(p) for p in SOURCE.rglob("*") if p.stem in NAMELESS] == []


@pytest.mark.parametrize("folder", FAMILIES, ids=lambda folder: folder.name)
def test_a_family_is_only_a_declaration_within_its_budget(folder):
    files = [path for path in folder.iterdir() if path.name != "__pycache__"]
    assert {path.name for path in files} - FAMILY_FILES == set()
    assert family_lines(folder) <= FAMILY_LINES
    assert set().union(*map(imported_parts, files)) <= FAMILY_IMPORTS


def test_a_derivative_is_within_its_budget_or_documented_with_a_reason():
    derivatives = {
        folder.name: family_lines(folder) for folder in FAMILIES if is_derivative(folder)
    }
    larger = larger_derivatives()
    assert {name for name, count in derivatives.items() if count > DERIVATIVE_LINES} == set(larger)
    assert [name for name, limit in larger.items() if derivatives[name] > limit] == []


def test_no_family_is_named_outside_its_folder():
    names = "|".join(folder.name for folder in FAMILIES)
    # "llama" in `llama_rope` and `LlamaConfig`, but "bert" neither in `robert` nor in `bertha`, and
    # "opt" not in `OPTIONAL`.
    named = re.compile(rf"(?<![a-zA-Z])(?i:{names})(?![a-z]|[A-Z]+(?![a-zA-Z]))")
    strays = []
    for path in FILES:
        if path.is_relative_to(SOURCE / "families") or relative(path) in FOREIGN_NAME_FILES:
            continue
        text = path.read_text()
        docstrings = {doc.lineno for _, doc in documented(ast.parse(text))}
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.start[0] in docstrings and token.type == tokenize.STRING:
                continue
            if named.search(FOREIGN_NAMES.sub("", token.string)):
                strays.append(f"{relative(path)}:{token.start[0]} {token.string}")
    assert strays == []


def test_arrows_never_point_back():
    back = [
        f"{relative(path)} imports hornbook.{part}"
        for path in FILES
        for part in sorted(
            imported_parts(path) & UNKNOWN_TO.get(path.relative_to(SOURCE).parts[0], set())
        )
    ]
    assert back == []


def test_nothing_is_dispatched_on_hasattr():
    calls = [
        f"{relative(path)}:{node.lineno}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "hasattr"
    ]
    assert calls == []
