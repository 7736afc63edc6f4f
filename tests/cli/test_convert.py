"""`hornbook convert` writes a whole folder or nothing."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

from hornbook.cli.convert import lossless_dtype


def test_a_folder_is_converted_without_loss(hornbook, tiny_model, tmp_path):
    outcome = hornbook("convert", tiny_model, tmp_path / "copy")
    assert outcome.status == 0
    assert outcome.out.startswith(f"{tmp_path / 'copy'}: 7 files, ")
    before = load_file(tiny_model / "model.safetensors")
    after = load_file(tmp_path / "copy" / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    for name in ("config.json", "tokenizer.json", "chat_template.jinja"):
        assert (tmp_path / "copy" / name).read_text() == (tiny_model / name).read_text()


def test_a_type_and_a_shard_size_can_be_asked_for(hornbook, tiny_model, tmp_path):
    outcome = hornbook(
        "convert", tiny_model, tmp_path, "--dtype", "float16", "--max-shard-size", "10KB"
    )
    assert outcome.status == 0
    found = hornbook("show", tmp_path, "--json").json()
    assert found["stored_types"] == {"float16": 16}
    assert (tmp_path / "model.safetensors.index.json").is_file()


def test_a_model_is_only_replaced_when_asked(hornbook, tiny_model, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    outcome = hornbook("convert", tiny_model, tmp_path)
    assert (outcome.status, outcome.out) == (1, "")
    assert "already holds a model" in outcome.err
    assert (tmp_path / "config.json").read_text() == "{}"
    assert hornbook("convert", tiny_model, tmp_path, "--overwrite").status == 0
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "gpt2"


@pytest.mark.parametrize("fault", ["truncated", "missing", "no size"])
def test_a_failure_leaves_nothing_behind(hornbook, tiny_model, tmp_path, fault):
    source = shutil.copytree(tiny_model, tmp_path / "source")
    weights = source / "model.safetensors"
    if fault == "truncated":
        weights.write_bytes(weights.read_bytes()[:-100])
    elif fault == "missing":
        weights.unlink()
    size = "lots" if fault == "no size" else "5GB"
    outcome = hornbook("convert", source, tmp_path / "target", "--max-shard-size", size)
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith("error: ")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("stored", "dtype"),
    [
        ({"bfloat16", "int64"}, "bfloat16"),
        ({"F16"}, "float16"),
        ({"F16", "F32"}, "float32"),
        ({"float16", "bfloat16"}, "float32"),
        ({"Q4_K", "F32"}, "float32"),
    ],
)
def test_the_type_that_loses_nothing(stored, dtype):
    assert lossless_dtype(stored) == dtype
