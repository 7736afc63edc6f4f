"""Writes the API reference, from the docstrings, into a folder.

Public names load on first use; pdoc lists what a module already holds, so all are loaded first.
"""

import importlib
import sys
from pathlib import Path

import pdoc

import hornbook


def build(folder: Path) -> None:
    for name in hornbook.__all__:
        module = importlib.import_module(f"hornbook.{name}")
        module.__all__ = [public for public in dir(module) if not public.startswith("_")]
        for public in module.__all__:
            setattr(module, public, getattr(module, public))
    pdoc.render.configure(docformat="google", footer_text=f"hornbook {hornbook.__version__}")
    pdoc.pdoc("hornbook", output_directory=folder)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
