"""Families are found: built in, from other packages, and never the wrong one."""

import os
import subprocess
import sys

import pytest
from packaging.licenses import canonicalize_license_expression

from conformance.cases import EACH_ONCE, every_head
from hornbook import models
from hornbook.errors import PresetError
from hornbook.families.classes import public_classes
from hornbook.families.registry import families, presets
from hornbook.tasks import TASKS

pytestmark = pytest.mark.backend_free

PACKAGE = """
from dataclasses import replace
from hornbook.families.registry import families
import hornbook.families.llama as original

FAMILY = replace(
    original.FAMILY, name="{name}", prefix="Primer", hf_types=("primer",), presets=(), gguf=None
)
"""
PROGRAM = """
import json, sys
from pathlib import Path
from hornbook.models import CausalLM, PrimerBackbone, PrimerCausalLM

folder = Path(sys.argv[1])
backbone = PrimerBackbone(vocabulary_size=20, num_layers=1, num_query_heads=2,
    num_key_value_heads=1, hidden_dim=8, intermediate_dim=12, head_dim=4)
PrimerCausalLM(backbone).save_to_preset(folder)
assert json.loads((folder / "config.json").read_text())["model_type"] == "primer"
assert type(CausalLM.from_preset(folder)) is PrimerCausalLM
"""


def run_with_package(tmp_path, name, program):
    """Runs a program beside an installed package that registers a family."""
    (tmp_path / "primer.py").write_text(PACKAGE.format(name=name))
    info = tmp_path / "primer-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: primer\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hornbook.families]\nprimer = primer:FAMILY\n")
    return subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "saved")],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )


def test_another_package_registers_a_family(tmp_path):
    done = run_with_package(tmp_path, "primer", PROGRAM)
    assert done.returncode == 0, done.stderr


def test_two_families_of_one_name_are_an_error(tmp_path):
    done = run_with_package(tmp_path, "gpt2", "import hornbook.models as m; m.Backbone; dir(m)")
    assert done.returncode != 0
    assert "Two packages register a family named 'gpt2'." in done.stderr


@every_head(EACH_ONCE)
def test_the_wrong_class_for_a_checkpoint_is_named_with_the_right_one(case, head, checkpoint):
    folder = checkpoint(case, head.hf_class)
    right = case.task_class(head)
    for name, other in public_classes().items():
        if name.endswith(head.task) and other is not right:
            with pytest.raises(PresetError, match=f"not a checkpoint for {name}.*{right.__name__}"):
                other.from_preset(folder)
    for task, _ in TASKS.values():
        if task.name_in_families not in {own.task for own in case.family.heads}:
            with pytest.raises(PresetError, match=f"has no {task.name_in_families}"):
                task.from_preset(folder)


def test_public_classes_have_their_own_name_docs_and_module():
    for name, made in public_classes().items():
        assert getattr(models, name) is made
        assert (made.__name__, made.__module__) == (name, "hornbook.models")
        assert made.__doc__
        assert name in dir(models)
    for family in families().values():
        backbone = public_classes()[f"{family.prefix}Backbone"]
        assert family.paper in backbone.__doc__


def test_names_of_keras_nlp_lead_to_the_same_classes_and_are_listed():
    former = {name for name in dir(models) if name not in {*models.__all__, *public_classes()}}
    assert "BertClassifier" in former
    for family in families().values():
        if any(head.task == "TextClassifier" for head in family.heads):
            name = f"{family.prefix}Classifier"
            former.remove(name)
            assert getattr(models, name) is public_classes()[f"{family.prefix}TextClassifier"]
    assert not former


def test_presets_have_their_form():
    for preset in presets().values():
        assert preset.name.replace(".", "_").isidentifier()
        assert preset.handle.startswith(("hf://", "package://"))
        assert preset.parameters
        assert canonicalize_license_expression(preset.licence) == preset.licence
        assert preset.description
        assert preset.revision is None or preset.handle.startswith("hf://")
