"""Published checkpoints are read, whatever else they hold, and no tensor takes another's place."""

import json

import keras
import pytest
import torch
from safetensors.torch import save_file

from conformance.closeness import as_numpy
from conformance.originals import read_json
from conformance.published import PUBLISHED
from conformance.test_weights import tensors
from hornbook.models import Backbone

pytestmark = pytest.mark.mechanism

OF_EACH = pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.name)


@pytest.fixture
def folder(published, checkpoint, tmp_path):
    """A checkpoint with the tensors that published ones hold besides, none of which has a value."""
    case = published.case
    theirs = checkpoint(case, published.hf_class)
    names = {
        name.replace("{i}", str(i))
        for name in published.tensors
        for i in range(case.config.num_layers)
    }
    held = {**{name: torch.full((1,), torch.nan) for name in names}, **tensors(theirs)}
    save_file(held, tmp_path / "model.safetensors", {"format": "pt"})
    config = read_json(theirs / "config.json")
    kept = {key: value for key, value in config.items() if key not in published.without}
    (tmp_path / "config.json").write_text(json.dumps(kept), "utf-8")
    return tmp_path


def assert_loads_alike(cls, folder, plain):
    """Both folders give the same weights, fresh ones included, of which the seed is the same."""
    made = []
    for path in (folder, plain):
        keras.utils.set_random_seed(0)
        made.append(cls.from_preset(path))
    model, other = made
    for one, same in zip(model.weights, other.weights, strict=True):
        assert one.path == same.path
        assert (as_numpy(one) == as_numpy(same)).all(), one.path
    return model


@pytest.mark.filterwarnings("ignore:.*no weights for pooler")
@OF_EACH
def test_the_backbone_is_read(published, folder, checkpoint):
    assert_loads_alike(Backbone, folder, checkpoint(published.case, published.hf_class))


@OF_EACH
def test_the_head_is_read_and_saved(published, folder, checkpoint, tmp_path):
    case, plain = published.case, checkpoint(published.case, published.hf_class)
    for head in case.family.heads:
        if head.hf_class == published.hf_class:
            model = assert_loads_alike(case.task_class(head), folder, plain)
            model.save_to_preset(tmp_path / head.task)
            written = tensors(tmp_path / head.task)
            for name, tensor in tensors(plain).items():
                assert torch.equal(written.pop(name), tensor), name
            assert not written
