"""Checkpoints of the originals and our models loaded from them, made once a process."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import keras
import pytest

from conformance import originals
from conformance.cases import Case
from hornbook.families.family import Head
from hornbook.native import operations
from hornbook.native.processor import this_processor


@pytest.fixture(scope="session", autouse=True)
def narrow_machine_code() -> Iterator[None]:
    """Vectors of two numbers, which the cases' heads of odd widths are multiples of.

    So that attention to a cache is machine code here too, as with the widths of real models, and
    the likeliest tokens are found as in large vocabularies.
    """
    own, library = this_processor(), "torch" if keras.backend.backend() == "torch" else "xla"
    if own is None:
        yield
        return
    calls = import_module(f"hornbook.native.{library}_calls")
    narrow = replace(own, lanes=2, has_bfloat16_dot=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "this_processor", lambda: narrow)
        patch.setattr(operations, "LEAST_LIKELIEST", 0)
        yield


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case, str], Path]:
    """Gives the folder with a case's original as a class of transformers; not to be changed."""

    @cache
    def folder(case: Case, hf_class: str) -> Path:
        path = tmp_path_factory.mktemp(f"{case.name}-{hf_class}")
        return originals.save(originals.original(case, hf_class), path)

    return folder


@pytest.fixture(scope="session")
def task(checkpoint: Any) -> Callable[[Case, Head], Any]:
    """Gives a case's task, loaded from the original's checkpoint; not to be changed."""

    @cache
    def load(case: Case, head: Head) -> Any:
        return case.task_class(head).from_preset(checkpoint(case, head.hf_class))

    return load


@pytest.fixture(scope="session")
def backbone(checkpoint: Any) -> Callable[[Case], Any]:
    """Gives a case's backbone, loaded from the original's checkpoint; not to be changed."""

    @cache
    def load(case: Case) -> Any:
        return case.backbone_class.from_preset(checkpoint(case, case.family.hf_class))

    return load
