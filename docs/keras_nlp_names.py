"""Writes docs/keras_nlp_names.md: every public name of keras_nlp 0.7 with ours beside it.

It reads the signatures in the package's source (which needs old versions of TensorFlow to import)
and inspects ours.

    pip download --no-deps keras-nlp==0.7.0 && python docs/keras_nlp_names.py keras_nlp-0.7.0*.whl
"""

import ast
import inspect
import sys
import zipfile
from pathlib import Path

import hornbook

NAMESPACES = ("layers", "metrics", "models", "samplers", "tokenizers")
TARGET = Path(__file__).with_name("keras_nlp_names.md")
HEAD = """# Public names of KerasNLP 0.7

Made by `docs/keras_nlp_names.py`, which compares signatures. "Same" means that every argument of
KerasNLP's constructor is there under its name; what we have beyond it is not listed. What to do
about the rest is in [moving_from_keras_nlp.md](moving_from_keras_nlp.md).

"""
PASSED_ON = {"self", "args", "kwargs"}
KERAS_OWN = {"name", "trainable", "dtype"}  # which **kwargs takes


def public_names(archive: zipfile.ZipFile, namespace: str) -> dict[str, str]:
    """Name to the module that defines it, from the lines of a namespace's `__init__`."""
    tree = ast.parse(archive.read(f"keras_nlp/{namespace}/__init__.py"))
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def arguments(archive: zipfile.ZipFile, module: str, name: str) -> list[str]:
    """The arguments of a class's constructor, or of a function, found in the source."""
    file = module.replace(".", "/") + ".py"
    if file not in archive.namelist():
        return []
    tree = ast.parse(archive.read(file))
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return parameters(node)
        if isinstance(node, ast.ClassDef) and node.name == name:
            found = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            return next((parameters(item) for item in found if item.name == "__init__"), [])
    return []


def parameters(node: ast.FunctionDef) -> list[str]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [argument.arg for argument in given if argument.arg not in PASSED_ON]


def ours(namespace: str, name: str) -> object | None:
    return getattr(getattr(hornbook, namespace), name, None)


def missing(found: object, theirs: list[str]) -> list[str]:
    known = inspect.signature(found).parameters  # type: ignore[arg-type]
    keywords = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    return [name for name in theirs if name not in known and not (keywords and name in KERAS_OWN)]


def row(archive: zipfile.ZipFile, namespace: str, name: str, module: str) -> tuple[str, str, str]:
    here = ours(namespace, name)
    if here is None:
        return f"`{name}`", "", "not here"
    lacking = missing(here, arguments(archive, module, name))
    verdict = f"without `{'`, `'.join(lacking)}`" if lacking else "same"
    return f"`{name}`", f"`{name}`", verdict


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as archive:
        text, counts = HEAD, []
        for namespace in NAMESPACES:
            names = public_names(archive, namespace)
            rows = [row(archive, namespace, name, names[name]) for name in sorted(names)]
            there = sum(bool(own) for _, own, _ in rows)
            same = sum(verdict == "same" for *_, verdict in rows)
            counts.append(f"{namespace}: {there} of {len(rows)}, {same} with the same arguments")
            text += f"## {namespace}\n\n| KerasNLP | hornbook | arguments |\n|---|---|---|\n"
            text += "".join(f"| {' | '.join(cells)} |\n" for cells in rows) + "\n"
    TARGET.write_text(text.rstrip("\n") + "\n", "utf-8")
    print("\n".join(counts))


if __name__ == "__main__":
    main()
