"""A broken checkpoint is one clear error, before a model exists; a failed save leaves nothing."""

import json
import shutil

import numpy as np
import pytest
from gguf import GGUFWriter
from safetensors.numpy import load_file, save_file

from conformance.cases import EACH_ONCE, FIRST_CASES, every, every_head
from hornbook.errors import CheckpointError, ConfigError, PresetError, TokenizerError
from hornbook.models import Backbone, CausalLM, Task

pytestmark = pytest.mark.mechanism


@pytest.fixture
def folder(checkpoint, tmp_path):
    """A copy of a family's checkpoint that a test may break."""

    def copy(case):
        return shutil.copytree(checkpoint(case, case.family.hf_class), tmp_path / "broken")

    return copy


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def change_tensors(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def refuse(folder, error, match):
    with pytest.raises(error, match=match) as caught:
        Backbone.from_preset(folder)
    assert "\n" not in str(caught.value)


@every(FIRST_CASES)
def test_missing_files(case, folder):
    path = folder(case)
    (path / "model.safetensors").unlink()
    refuse(path, CheckpointError, "safetensors")
    (path / "config.json").unlink()
    refuse(path, CheckpointError, r"has no config\.json")
    shutil.rmtree(path)
    refuse(path, PresetError, "doesn't exist")


@every(FIRST_CASES)
def test_truncated_weights(case, folder):
    path = folder(case)
    weights = path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    refuse(path, CheckpointError, r"model\.safetensors")


@every(FIRST_CASES)
@pytest.mark.parametrize("content", ["{", "[]", '"llama"', "", "\x00"])
def test_config_that_is_no_json_object(case, content, folder):
    path = folder(case)
    (path / "config.json").write_text(content)
    refuse(path, CheckpointError, r"config\.json")


@every(FIRST_CASES)
def test_config_of_something_else(case, folder):
    path = folder(case)
    change_config(path, model_type="abacus")
    refuse(path, PresetError, "model_type is 'abacus'")


@every(FIRST_CASES)
def test_config_with_an_unknown_key(case, folder):
    path = folder(case)
    change_config(path, mixture_of_abaci=3)
    refuse(path, ConfigError, r"config\.json: Unknown keys.*mixture_of_abaci")


@every(FIRST_CASES)
def test_tensor_missing_left_over_or_misshaped(case, folder):
    path = folder(case)
    name = min(load_file(path / "model.safetensors"))
    change_tensors(path, lambda tensors: tensors.update(abacus=np.zeros(3, "f4")))
    refuse(path, CheckpointError, "not part of this model: .*abacus")
    change_tensors(path, lambda tensors: (tensors.pop("abacus"), tensors.pop(name)))
    refuse(path, CheckpointError, f"missing from the checkpoint: .*{name}")
    change_tensors(path, lambda tensors: tensors.update({name: np.zeros((1, 1), "f4")}))
    refuse(path, CheckpointError, rf"{name}.*\(1, 1\)|{name}.*first axis is 1")


@every(FIRST_CASES)
def test_tokenizer_larger_than_the_vocabulary(case, folder):
    path = folder(case)
    tokens = [f"t{i}" for i in range(case.config.vocabulary_size)]
    (path / "vocab.txt").write_text("\n".join([*tokens, "[UNK]"]))
    with pytest.raises(TokenizerError, match=r"has 54 tokens.*vocabulary_size is 53"):
        case.task_class(case.family.heads[0]).from_preset(path)


@pytest.mark.backend_free
@pytest.mark.parametrize("damage", ["truncated", "empty", "other architecture", "missing key"])
def test_corrupt_gguf(damage, tmp_path):
    path = tmp_path / "model.gguf"
    writer = GGUFWriter(path, "abacus" if damage == "other architecture" else "llama")
    writer.add_block_count(1)
    writer.add_tensor("token_embd.weight", np.zeros((4, 32), "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    content = path.read_bytes()
    path.write_bytes({"truncated": content[:-9], "empty": b""}.get(damage, content))
    expected = {"other architecture": PresetError, "missing key": ConfigError}
    with pytest.raises(expected.get(damage, CheckpointError), match=r"model\.gguf|abacus"):
        CausalLM.from_preset(path)


@every_head(EACH_ONCE)
def test_a_save_that_fails_leaves_nothing(case, head, task, tmp_path, monkeypatch):
    model = task(case, head)
    target = tmp_path / "saved"

    def fail(*arguments, **options):
        raise OSError("disk full")

    with monkeypatch.context() as context:
        context.setattr("hornbook.checkpoints.safetensors_files._save", fail)
        with pytest.raises(CheckpointError, match="disk full"):
            model.save_to_preset(target)
    assert not target.exists()
    assert isinstance(model, Task)
    model.save_to_preset(target)
    before = {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()}
    with monkeypatch.context() as context:
        context.setattr("hornbook.checkpoints.safetensors_files._save", fail)
        with pytest.raises(CheckpointError, match="disk full"):
            model.save_to_preset(target)
    assert {path.name: path.read_bytes() for path in target.iterdir() if path.is_file()} == before
