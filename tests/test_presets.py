"""Preset names that people's code has."""

import pytest

import hornbook.models
from hornbook.checkpoints.opened import open_checkpoint
from hornbook.errors import PresetError
from hornbook.families.registry import families, presets
from hornbook.models import (
    Backbone,
    BertBackbone,
    BertClassifier,
    BertPreprocessor,
    BertTokenizer,
    CausalLM,
    GPT2CausalLM,
    MaskedLM,
    Task,
    Tokenizer,
)
from hornbook.tokenizers import ByteTokenizer, WordPieceTokenizer

KERAS_NLP = """
albert_base_en_uncased albert_large_en_uncased albert_extra_large_en_uncased
albert_extra_extra_large_en_uncased bert_tiny_en_uncased bert_small_en_uncased
bert_medium_en_uncased bert_base_en_uncased bert_base_en bert_base_zh bert_base_multi
bert_large_en_uncased bert_large_en deberta_v3_extra_small_en deberta_v3_small_en
deberta_v3_base_en deberta_v3_large_en deberta_v3_base_multi distil_bert_base_en_uncased
distil_bert_base_en distil_bert_base_multi f_net_base_en f_net_large_en gpt2_base_en
gpt2_medium_en gpt2_large_en gpt2_extra_large_en opt_125m_en opt_1.3b_en opt_2.7b_en opt_6.7b_en
roberta_base_en roberta_large_en xlm_roberta_base_multi xlm_roberta_large_multi mistral_7b_en
mistral_instruct_7b_en
"""
"""Those of keras_nlp 0.7 for the families that are here, but for two that exist in its own format
alone, which are below."""

pytestmark = pytest.mark.backend_free


def test_names_of_keras_nlp_are_known():
    assert set(KERAS_NLP.split()) <= set(presets())


@pytest.mark.parametrize("name", ["bert_tiny_en_uncased_sst2", "gpt2_base_en_cnn_dailymail"])
def test_names_without_a_repository_say_what_to_take_instead(name):
    with pytest.raises(PresetError, match=f"'{name}' can't be loaded: it is '(\\w+)'") as error:
        open_checkpoint(name)
    assert error.value.args[0].split("it is '")[1].split("'")[0] in presets()
    assert name not in presets()


@pytest.mark.parametrize("kind", [BertBackbone, BertClassifier, BertTokenizer, BertPreprocessor])
def test_a_family_class_has_the_presets_of_its_family(kind):
    assert set(kind.presets) == {preset.name for preset in families()["bert"].presets}
    assert kind.presets["bert_base_en"] == {
        "metadata": {
            "description": presets()["bert_base_en"].description,
            "params": presets()["bert_base_en"].parameters,
            "official_name": "BERT",
            "path": "bert",
            "licence": "Apache-2.0",
            "model_card": "https://huggingface.co/google-bert/bert-base-cased",
        },
        "handle": "hf://google-bert/bert-base-cased",
    }


def test_a_class_of_all_families_has_the_presets_of_those_that_have_it():
    for kind in (Backbone, Task, Tokenizer):
        assert list(kind.presets) == list(presets())
    assert set(GPT2CausalLM.presets) < set(CausalLM.presets) < set(presets())
    assert set(BertTokenizer.presets) < set(WordPieceTokenizer.presets) < set(presets())
    assert set(BertBackbone.presets) < set(MaskedLM.presets)
    assert not set(MaskedLM.presets) & set(GPT2CausalLM.presets)
    assert ByteTokenizer.presets == {}


def test_presets_of_a_subclass_an_instance_and_no_other_dictionary():
    class Mine(BertTokenizer):
        pass

    instance = Mine(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    assert Mine.presets == instance.presets == BertTokenizer.presets
    BertTokenizer.presets.clear()
    assert BertTokenizer.presets


def test_every_preset_has_its_metadata():
    for name in dir(hornbook.models):
        for entry in getattr(getattr(hornbook.models, name), "presets", {}).values():
            assert entry["metadata"]["params"] > 0
            assert entry["metadata"]["description"]
