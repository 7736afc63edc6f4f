"""Weights go from a checkpoint to a model and back without a bit changed, and none is lost."""

from contextlib import nullcontext

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from conformance import originals
from conformance.cases import CASES, FIRST_CASES, FIRST_HEADS, FIRST_TASKS, HEADS, every, every_head
from conformance.closeness import as_numpy, assert_same_outputs
from conformance.inputs import task_batch
from hornbook.checkpoints.weight_map import expand, is_of_pooler
from hornbook.checkpoints.weight_ops import Copies
from hornbook.errors import CheckpointError, HornbookWarning
from hornbook.models import Backbone

pytestmark = pytest.mark.mechanism

SHARD = 5000
"""Bytes; a tiny model has several times as many."""


def tensors(folder):
    """Every tensor of a folder, by name, as torch reads it."""
    return {
        name: tensor
        for path in sorted(folder.glob("*.safetensors"))
        for name, tensor in load_file(path).items()
    }


def assert_same_tensors(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype, name
        assert torch.equal(ours[name], tensor), name


@every_head(HEADS)
def test_the_map_is_a_bijection(case, head, task, checkpoint):
    rows = [row for row in case.family.weights if head.has_pooler or not is_of_pooler(row)]
    maps, dropped = expand((*rows, *head.weights), case.config)
    names = [name for row in maps for name in row.tensors]
    paths = [path for row in maps for path in row.variables]
    assert len(names) == len(set(names))
    assert len(paths) == len(set(paths))
    assert not dropped & set(names)
    assert sorted(paths) == sorted(
        variable.path
        for variable in task(case, head).variables
        if "seed_generator" not in variable.path
        and (head.has_pooler or not variable.path.startswith("pooler/"))
    )
    bare = head.hf_class == case.family.hf_class
    prefix = f"{case.family.hf_prefix}." if bare else ""
    saved = {prefix + name for name in tensors(checkpoint(case, head.hf_class))}
    assert saved == set(names)


@every_head(HEADS)
def test_a_task_saves_what_it_read(case, head, task, checkpoint, tmp_path):
    task(case, head).save_to_preset(tmp_path)
    theirs = tensors(checkpoint(case, head.hf_class))
    for row in expand(head.weights, case.config)[0]:
        if isinstance(row.op, Copies):  # of which the original uses the first alone
            theirs |= dict.fromkeys(row.tensors, theirs[row.tensors[0]])
    assert_same_tensors(tensors(tmp_path), theirs)


@every_head(FIRST_TASKS)
def test_a_task_in_shards_saves_what_it_read(case, head, tmp_path):
    model = originals.original(case, head.hf_class)
    source = originals.save(model, tmp_path / "theirs", max_shard_size=SHARD)
    task = case.task_class(head).from_preset(source)
    task.save_to_preset(tmp_path / "ours", max_shard_size=SHARD)
    for folder in (source, tmp_path / "ours"):
        assert (folder / "model.safetensors.index.json").is_file()
    assert_same_tensors(tensors(tmp_path / "ours"), tensors(source))


@every(CASES)
def test_a_backbone_saves_what_it_read(case, backbone, checkpoint, tmp_path):
    backbone(case).save_to_preset(tmp_path)
    assert_same_tensors(tensors(tmp_path), tensors(checkpoint(case, case.family.hf_class)))


@every(FIRST_CASES)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_kept_or_widened(case, dtype, checkpoint, tmp_path):
    theirs = checkpoint(case, case.family.hf_class)
    half = {name: tensor.to(getattr(torch, dtype)) for name, tensor in tensors(theirs).items()}
    (tmp_path / "half").mkdir()
    save_file(half, tmp_path / "half" / "model.safetensors", {"format": "pt"})
    (tmp_path / "half" / "config.json").write_bytes((theirs / "config.json").read_bytes())

    Backbone.from_preset(tmp_path / "half", dtype=dtype).save_to_preset(tmp_path / "kept")
    assert_same_tensors(tensors(tmp_path / "kept"), half)
    assert originals.read_json(tmp_path / "kept" / "config.json")["dtype"] == dtype

    Backbone.from_preset(tmp_path / "half").save_to_preset(tmp_path / "wide")
    wide = {name: tensor.float() for name, tensor in half.items()}
    assert_same_tensors(tensors(tmp_path / "wide"), wide)


@every_head(FIRST_HEADS)
def test_transformers_loads_what_a_task_saves(case, head, task, tmp_path):
    model = task(case, head)
    model.save_to_preset(tmp_path)
    theirs, report = getattr(transformers, head.hf_class).from_pretrained(
        tmp_path, output_loading_info=True, attn_implementation=case.family.hf_attention
    )
    assert not any(report.values())
    inputs = task_batch(case, head, seed=1)
    expected = originals.run(theirs.eval(), inputs)
    assert_same_outputs(head, model(inputs), expected, inputs["padding_mask"])


@every(CASES)
def test_transformers_loads_what_a_backbone_saves(case, backbone, tmp_path):
    backbone(case).save_to_preset(tmp_path)
    theirs, report = transformers.AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert type(theirs).__name__ == case.family.hf_class
    assert not any(report.values())


@every_head(FIRST_HEADS)
def test_a_backbone_is_read_from_a_checkpoint_with_a_head(case, head, checkpoint, task):
    folder = checkpoint(case, head.hf_class)
    lacks_pooler = not head.has_pooler and any(map(is_of_pooler, case.family.weights))
    with pytest.warns(match="pooler") if lacks_pooler else nullcontext():
        ours = Backbone.from_preset(folder)
    theirs = task(case, head).backbone
    assert type(ours) is type(theirs)
    for variable in theirs.variables:
        if "seed_generator" not in variable.path and variable.trainable:
            found = next(v for v in ours.variables if v.path == variable.path)
            assert (as_numpy(found) == as_numpy(variable)).all()


@every_head(FIRST_HEADS)
def test_a_task_is_read_from_a_headless_checkpoint_unless_its_head_is_missing(
    case, head, checkpoint
):
    folder, cls = checkpoint(case, case.family.hf_class), case.task_class(head)
    own, _ = expand(head.weights, case.config)
    if not own:
        cls.from_preset(folder)
        return
    if cls.starts_fresh:
        with pytest.warns(HornbookWarning, match=rf"no weights for .*{own[0].variables[0]}"):
            cls.from_preset(folder)
        return
    with pytest.raises(CheckpointError, match=own[0].tensors[0]):
        cls.from_preset(folder)


@every(FIRST_CASES)
class TestTensorsThatDontFit:
    @pytest.fixture
    def folder(self, case, checkpoint, tmp_path):
        """A copy of the case's headless checkpoint."""
        theirs = checkpoint(case, case.family.hf_class)
        for path in theirs.iterdir():
            (tmp_path / path.name).write_bytes(path.read_bytes())
        return tmp_path

    def change(self, folder, changes):
        kept = {**tensors(folder), **changes}
        kept = {name: tensor for name, tensor in kept.items() if tensor is not None}
        save_file(kept, folder / "model.safetensors", {"format": "pt"})

    def test_missing(self, case, folder):
        name = sorted(tensors(folder))[-1]
        self.change(folder, {name: None})
        with pytest.raises(CheckpointError, match=rf"missing from the checkpoint: \S*{name}"):
            Backbone.from_preset(folder)

    def test_left_over(self, case, folder):
        self.change(folder, {"flux.weight": torch.ones(3)})
        with pytest.raises(CheckpointError, match=r"not part of this model: \S*flux\.weight"):
            Backbone.from_preset(folder)

    def test_misshaped(self, case, folder):
        for name, tensor in sorted(tensors(folder).items())[::7]:
            self.change(folder, {name: torch.ones(tuple(size + 1 for size in tensor.shape))})
            with pytest.raises(CheckpointError, match=rf"'\S*{name}'"):
                Backbone.from_preset(folder)
            self.change(folder, {name: tensor})

    def test_a_norm_under_its_old_name(self, case, folder, backbone):
        old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        renamed = {}
        for name, tensor in tensors(folder).items():
            for new, former in old.items():
                if name.endswith(new):
                    renamed |= {name: None, name.replace(new, former): tensor}
        self.change(folder, renamed)
        ours, theirs = Backbone.from_preset(folder), backbone(case)
        for one, other in zip(ours.weights, theirs.weights, strict=True):
            assert (as_numpy(one) == as_numpy(other)).all()
