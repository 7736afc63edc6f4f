"""GGUF files of a family, written by the format's own library and read by transformers as well."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from gguf import MODEL_ARCH_NAMES, MODEL_TENSORS, TENSOR_NAMES, GGUFWriter
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

from conformance import originals
from conformance.cases import CASES, every
from conformance.closeness import as_numpy, assert_close, assert_same_outputs
from conformance.inputs import batch
from hornbook.checkpoints.config_map import known_keys, read_config, write_config
from hornbook.checkpoints.gguf_rope import FACTORS
from hornbook.checkpoints.weight_map import Drop, write_weights
from hornbook.models import Backbone

pytestmark = pytest.mark.mechanism

NOT_IN_THE_FILE = ("initializer_range", "attention_dropout", "dropout", "embedding_dropout")
"""Fields that matter to training alone."""
DIMENSIONS = "{arch}.rope.dimension_count"
"""Which a file has wherever heads are rotated, and most families say nothing new with."""


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


def is_known_to_transformers(case):
    """Whether transformers reads the files, too."""
    return set(case.family.gguf.architectures) <= set(GGUF_SUPPORTED_ARCHITECTURES)


def write(case, model, path):
    """Writes the file with the library that llama.cpp's converter uses."""
    arch = case.family.gguf.architectures[0]
    writer = GGUFWriter(path, arch)
    for key, value in metadata(case).items():
        add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        if isinstance(value, str):
            add = writer.add_string
        elif isinstance(value, np.ndarray):
            add = writer.add_tensor
        add(key.replace("{arch}", arch), value)
    if DIMENSIONS in known_keys(case.family.gguf.config) and DIMENSIONS not in metadata(case):
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
        # The files keep some weights as a sum, which a float32 rounds.
        np.testing.assert_allclose(as_numpy(ours), as_numpy(theirs), rtol=0, atol=2e-7)
    write(case, again, tmp_path / "again.gguf")
    assert (tmp_path / "again.gguf").read_bytes() == path.read_bytes()
    backbone = Backbone.from_preset(path)
    assert dataclasses.asdict(backbone.config) == dataclasses.asdict(again.backbone.config)


@every([case for case in CASES if case.family.gguf and FACTORS in metadata(case)])
def test_frequencies_that_are_listed_one_by_one(case, task, tmp_path):
    head = case.family.head("CausalLM")
    model, inputs = task(case, head), batch(case)
    write(case, model, tmp_path / "tiny.gguf")
    again = case.task_class(head).from_preset(tmp_path / "tiny.gguf", preprocessor=None)
    assert_close(again(inputs), model(inputs), inputs["padding_mask"])


@every(EXPRESSIBLE)
def test_tensors_are_named_as_the_format_has_them(case):
    gguf = case.family.gguf
    for name in gguf.architectures:
        arch = next(arch for arch, known in MODEL_ARCH_NAMES.items() if known == name)
        stems = {TENSOR_NAMES[tensor].replace("{bid}", "{i}") for tensor in MODEL_TENSORS[arch]}
        for row in (*gguf.weights, *gguf.heads["CausalLM"]):
            if isinstance(row, Drop):
                continue
            tensors = [row.tensors] if isinstance(row.tensors, str) else row.tensors
            if row.when(case.config):
                assert {tensor.rpartition(".")[0] for tensor in tensors} <= stems


@every([case for case in EXPRESSIBLE if is_known_to_transformers(case)])
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
