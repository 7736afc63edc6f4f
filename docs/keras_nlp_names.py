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
from typing import Any

import keras

import hornbook
from hornbook.tokenizers.layer_form import LayerForm

NAMESPACES = ("layers", "metrics", "models", "samplers", "tokenizers")
TARGET = Path(__file__).with_name("keras_nlp_names.md")
HEAD = """# Public names of KerasNLP 0.7

Made by `docs/keras_nlp_names.py`, which compares signatures. "Same" means that every argument of
KerasNLP's constructor and of its `call` is there under its name and in its place, and every public
method; what we have beyond them is not listed. What to do about the rest is in
[moving_from_keras_nlp.md](moving_from_keras_nlp.md).

"""
PASSED_ON = {"self", "cls", "args", "kwargs", "training"}  # Keras sets the last
KERAS_OWN = {"name", "trainable", "dtype"}  # which **kwargs takes
# What Keras and KerasNLP call by themselves, and a person's code doesn't.
PLUMBING = {
    "call", "build", "compute_mask", "compute_output_shape", "get_build_config",
    "backbone_cls", "preprocessor_cls", "tokenizer_cls",
    "preprocess_features", "preprocess_labels", "preprocess_samples",
}  # fmt: skip
OF_INSTANCES = {"backbone", "preprocessor", "tokenizer"}  # which ours have, and no class shows


def public_names(archive: zipfile.ZipFile, namespace: str) -> dict[str, str]:
    """Name to the module that defines it, from the lines of a namespace's `__init__`."""
    tree = ast.parse(archive.read(f"keras_nlp/{namespace}/__init__.py"))
    return {
        alias.asname or alias.name: node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


class Source:
    """KerasNLP's classes and functions, found in its source by name.

    Args:
        archive: the opened wheel.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.nodes: dict[str, ast.stmt] = {}
        for file in archive.namelist():
            if file.endswith(".py") and not file.endswith("_test.py"):
                for node in ast.parse(archive.read(file)).body:
                    if isinstance(node, ast.ClassDef | ast.FunctionDef):
                        self.nodes.setdefault(node.name, node)

    def arguments(self, name: str) -> list[str]:
        """The arguments of a class's constructor, or of a function."""
        node = self.nodes.get(name)
        if isinstance(node, ast.FunctionDef):
            return parameters(node)
        made = self.methods(name).get("__init__")
        return parameters(made) if made else []

    def methods(self, name: str) -> dict[str, ast.FunctionDef]:
        """A class's methods, those of KerasNLP's classes that it derives from included."""
        node = self.nodes.get(name)
        if not isinstance(node, ast.ClassDef):
            return {}
        found: dict[str, ast.FunctionDef] = {}
        for base in reversed(node.bases):
            found |= self.methods(ast.unparse(base).split(".")[-1])
        return found | {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}


def parameters(node: ast.FunctionDef) -> list[str]:
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return [argument.arg for argument in given if argument.arg not in PASSED_ON]


def ours(namespace: str, name: str) -> Any:
    return getattr(getattr(hornbook, namespace), name, None)


def missing(found: Any, theirs: list[str]) -> list[str]:
    known = inspect.signature(found).parameters
    keywords = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    return [name for name in theirs if name not in known and not (keywords and name in KERAS_OWN)]


def by_keyword(found: Any, theirs: list[str]) -> str | None:
    """The first argument that isn't in its place, where they are given without names."""
    known = inspect.signature(found).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    places = [one.name for one in known if one.kind in kinds and one.name != "self"]
    kept = [name for name in theirs if name not in [*missing(found, theirs), *KERAS_OWN]]
    return next((n for i, n in enumerate(kept) if i >= len(places) or places[i] != n), None)


def called(found: Any) -> Any:
    """What takes the arguments of a call."""
    method = vars(keras.layers.Layer).get("call")
    own = getattr(found, "call", method)
    return found.__call__ if own in (method, LayerForm.call) else own


def differences(source: Source, name: str, here: Any) -> list[str]:
    """In words, what of KerasNLP's `name` isn't there."""
    said, theirs = [], source.arguments(name)
    if lacking := missing(here, theirs):
        said.append(f"without `{'`, `'.join(lacking)}`")
    if first := by_keyword(here, theirs):
        said.append(f"by keyword from `{first}` on")
    if not inspect.isclass(here):
        return said
    methods = source.methods(name)
    call = methods.get("call") or methods.get("__call__")
    if call and (lacking := missing(called(here), parameters(call))):
        said.append(f"called without `{'`, `'.join(lacking)}`")
    public = [
        one for one in methods if not one.startswith("_") and one not in PLUMBING | OF_INSTANCES
    ]
    if absent := [one for one in sorted(public) if not hasattr(here, one)]:
        said.append(f"no `{'`, `'.join(absent)}`")
    return said


def row(source: Source, namespace: str, name: str) -> tuple[str, str, str]:
    here = ours(namespace, name)
    if here is None:
        return f"`{name}`", "", "not here"
    return f"`{name}`", f"`{name}`", "; ".join(differences(source, name, here)) or "same"


def main() -> None:
    with zipfile.ZipFile(sys.argv[1]) as archive:
        text, counts, source = HEAD, [], Source(archive)
        for namespace in NAMESPACES:
            names = public_names(archive, namespace)
            rows = [row(source, namespace, name) for name in sorted(names)]
            there = sum(bool(own) for _, own, _ in rows)
            same = sum(verdict == "same" for *_, verdict in rows)
            counts.append(f"{namespace}: {there} of {len(rows)}, {same} the same")
            text += f"## {namespace}\n\n| KerasNLP | hornbook | arguments and methods |\n"
            text += "|---|---|---|\n"
            text += "".join(f"| {' | '.join(cells)} |\n" for cells in rows) + "\n"
    TARGET.write_text(text.rstrip("\n") + "\n", "utf-8")
    print("\n".join(counts))


if __name__ == "__main__":
    main()
