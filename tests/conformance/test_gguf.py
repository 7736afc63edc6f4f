"""GGUF files of a family, written by the format's own library and read by transformers as well."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from gguf import MODEL_ARCH_NAMES, MODEL_TENSORS, TENSOR_NAMES, GGUFWriter
from sentencepiece import SentencePieceProcessor
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

from conformance import originals
from conformance.cases import CASES, FIRST_CASES, every
from conformance.closeness import as_numpy, assert_close, assert_same_outputs
from conformance.inputs import batch
from conformance.vocabularies import SENTENCES
from hornbook.checkpoints.config_map import known_keys, read_config, write_config
from hornbook.checkpoints.gguf_rope import FACTORS
from hornbook.checkpoints.weight_map import Drop, write_weights
from hornbook.errors import PresetError
from hornbook.families.classes import tokenizer_class
from hornbook.models import Backbone, Tokenizer
from hornbook.tokenizers import SentencePieceTokenizer, compute_sentence_piece_proto
from nasty_strings import NASTY_STRINGS

pytestmark = pytest.mark.mechanism

NOT_IN_THE_FILE = ("initializer_range", "attention_dropout", "dropout", "embedding_dropout")
"""Fields that matter to training alone."""
DIMENSIONS = "{arch}.rope.dimension_count"
"""Which a file has wherever heads are rotated, and most families say nothing new with."""


def metadata(case, config=None):
    """What a file of the case's model says, under "{arch}" as the family's table has it."""
    written = write_config(config or case.config, case.family.gguf.config, case.family.hf_types[0])
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
    return case.family.gguf.architectures[0] in GGUF_SUPPORTED_ARCHITECTURES


def write(case, model, path, named=True, vocabulary=None):
    """Writes the file with the library that llama.cpp's converter uses."""
    arch, config = case.family.gguf.architectures[0], model.backbone.config
    writer = GGUFWriter(path, arch)
    if named:
        writer.add_name(case.family.name)
    if vocabulary is not None:
        add_vocabulary(writer, vocabulary)
    for key, value in metadata(case, config).items():
        add = writer.add_float32 if isinstance(value, float) else writer.add_uint32
        if isinstance(value, str):
            add = writer.add_string
        elif isinstance(value, np.ndarray):
            add = writer.add_tensor
        add(key.replace("{arch}", arch), value)
    if DIMENSIONS in known_keys(case.family.gguf.config) and DIMENSIONS not in metadata(case):
        writer.add_rope_dimension_count(config.head_dim)
    variables = {variable.path: as_numpy(variable) for variable in model.variables}
    rows = (*case.family.gguf.weights, *case.family.gguf.heads["CausalLM"])
    for name, tensor in write_weights(variables.__getitem__, rows, config):
        writer.add_tensor(name, np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add_vocabulary(writer, vocabulary):
    """Adds a model of SentencePiece that takes texts as they are."""
    size = vocabulary.vocab_size()
    kinds = [
        2 if vocabulary.is_unknown(i) else 3 if vocabulary.is_control(i)
        else 6 if vocabulary.is_byte(i) else 1
        for i in range(size)
    ]  # fmt: skip
    writer.add_tokenizer_model("llama")
    writer.add_token_list([vocabulary.id_to_piece(i) for i in range(size)])
    writer.add_token_scores([vocabulary.get_score(i) for i in range(size)])
    writer.add_token_types(kinds)
    writer.add_add_space_prefix(False)


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
    assert type(backbone) is case.backbone_class
    assert dataclasses.asdict(backbone.config) == dataclasses.asdict(again.backbone.config)


SHARED = [
    case for case in EXPRESSIBLE
    if case.family.gguf.names and not any("window" in key for key in metadata(case))
]  # fmt: skip
"""Configs of families whose files call themselves another family's, which can run them too."""


@every(SHARED)
def test_the_class_says_whose_file_it_is_where_the_file_does_not(case, task, tmp_path):
    head = case.family.head("CausalLM")
    write(case, task(case, head), tmp_path / "tiny.gguf", named=False)
    asked = case.task_class(head).from_preset(tmp_path / "tiny.gguf", preprocessor=None)
    other = type(Backbone.from_preset(tmp_path / "tiny.gguf"))
    assert metadata(case, asked.backbone.config) == metadata(case)
    assert case.family.gguf.architectures[0] in other.family.gguf.architectures
    assert other.family.gguf.names == ()
    with pytest.raises(PresetError, match=f"load it with {other.__name__}"):
        FIRST_CASES[0].backbone_class.from_preset(tmp_path / "tiny.gguf")


def reads_sentence_piece(family):
    spec = family.tokenizer
    return SentencePieceTokenizer in (spec.base, *spec.also)


@every([case for case in FIRST_CASES if case.family.gguf and reads_sentence_piece(case.family)])
def test_its_tokenizer_comes_with_it(case, tmp_path):
    proto = compute_sentence_piece_proto(
        [*SENTENCES, *NASTY_STRINGS], 600, "bpe", byte_fallback=True, as_written=True
    )
    original = SentencePieceProcessor(model_proto=proto)
    ids = {"start_token_id": 2, "end_token_id": 3, "pad_token_id": 0}
    config = dataclasses.replace(case.config, vocabulary_size=600, **ids)
    head, tokenizer = case.family.head("CausalLM"), tokenizer_class(case.family)
    model = case.task_class(head)(case.backbone_class(**vars(config)))
    write(case, model, tmp_path / "tiny.gguf", vocabulary=original)
    model = case.task_class(head).from_preset(tmp_path / "tiny.gguf")
    loaded = [cls.from_preset(tmp_path / "tiny.gguf") for cls in (tokenizer, Tokenizer)]
    texts = [text for text in NASTY_STRINGS if "<s>" not in text]
    for ours in (*loaded, model.preprocessor.tokenizer):
        assert type(ours) is tokenizer
        assert ours.encode_batch(texts) == original.encode(texts)
    assert type(model.generate("A hornbook", max_new_tokens=3)) is str


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
    if theirs.config.model_type not in MODEL_ARCH_NAMES.values():
        theirs.config.model_type = case.family.gguf.architectures[0]  # or it finds no names
    read = originals.gguf_tensors(tmp_path / "tiny.gguf", theirs)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.zero_()
    assert not theirs.load_state_dict(read, strict=False).unexpected_keys
    expected = originals.run(theirs, inputs)
    assert_same_outputs(head, model(inputs), expected, inputs["padding_mask"])
