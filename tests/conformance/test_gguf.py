"""GGUF files of a family, written by the format's own library and read by transformers as well."""

import copy
import dataclasses

import numpy as np
import torch
from gguf import GGUFWriter

from conformance import originals
from conformance.cases import CASES, every
from conformance.closeness import as_numpy, assert_same_outputs
from conformance.inputs import batch
from hornbook.checkpoints.config_map import read_config, write_config
from hornbook.checkpoints.weight_map import write_weights
from hornbook.models import Backbone

NOT_IN_THE_FILE = ("initializer_range", "attention_dropout")
"""Fields that matter to training alone."""


def metadata(case):
    """What a file of the case's model says, under "{arch}" as the family's table has it."""
    written = write_config(case.config, case.family.gguf.config, case.family.hf_types[0])
    return {key: value for key, value in written.items() if "." in key and value is not None}


def says_all(case):
    """Whether the format can express the case's config."""
    if case.family.gguf is None:
        return False
    tied = ("output.weight",) if not case.config.tie_word_embeddings else ()
    raw = {**metadata(case), "tensors": tied}
    config = read_config(raw, case.family.gguf.config, case.family.config_class)
    same = {name: getattr(case.config, name) for name in NOT_IN_THE_FILE if hasattr(config, name)}
    return dataclasses.replace(config, **same) == case.config


EXPRESSIBLE = [case for case in CASES if says_all(case)]


def write(case, model, path):
    """Writes the file with the library that llama.cpp's converter uses."""
    arch = case.family.gguf.architectures[0]
    writer = GGUFWriter(path, arch)
    for key, value in metadata(case).items():
        add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        if isinstance(value, str):
            add = writer.add_string
        add(key.replace("{arch}", arch), value)
    writer.add_rope_dimension_count(case.config.head_dim)
    variables = {variable.path: as_numpy(variable) for variable in model.variables}
    rows = (*case.family.gguf.weights, *case.family.gguf.heads["CausalLM"])
    for name, tensor in write_weights(variables.__getitem__, rows, case.config):
        writer.add_tensor(name, np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_some_configs_are_tried():
    with_format = {case.family_name for case in CASES if case.family.gguf}
    assert {case.family_name for case in EXPRESSIBLE} == with_format


@every(EXPRESSIBLE)
def test_a_file_gives_the_model(case, task, tmp_path):
    head = case.family.head("CausalLM")
    model = task(case, head)
    path = tmp_path / "tiny.gguf"
    write(case, model, path)
    again = case.task_class(head).from_preset(path, preprocessor=None)
    for ours, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(as_numpy(ours), as_numpy(theirs))
    backbone = Backbone.from_preset(path)
    assert dataclasses.asdict(backbone.config) == dataclasses.asdict(again.backbone.config)


@every(EXPRESSIBLE)
def test_transformers_reads_the_same_model(case, task, tmp_path):
    head = case.family.head("CausalLM")
    model, inputs = task(case, head), batch(case)
    write(case, model, tmp_path / "tiny.gguf")
    theirs = copy.deepcopy(originals.original(case, head.hf_class))
    read = originals.gguf_tensors(tmp_path / "tiny.gguf", theirs)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.zero_()
    assert not theirs.load_state_dict(read, strict=False).unexpected_keys
    expected = originals.run(theirs, inputs)
    assert_same_outputs(head, model(inputs), expected, inputs["padding_mask"])
