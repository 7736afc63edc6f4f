"""KerasNLP's import paths."""

import subprocess
import sys
import types

import pytest

from hornbook import compat

pytestmark = pytest.mark.usefixtures("keras_nlp_alias")


def run(line):
    compat.install()
    found = {}
    exec(line, found)
    return str(found["x"])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            "from keras_nlp.layers.modeling.reversible_embedding import ReversibleEmbedding as x",
            "layers.embeddings.ReversibleEmbedding",
        ),
        ("from keras_nlp.utils.keras_utils import gelu_approximate as x", "gelu"),
        ("from keras_nlp.models.gpt2.gpt2_causal_lm import GPT2CausalLM as x", "GPT2CausalLM"),
        ("from keras_nlp.models.bert.bert_classifier import BertClassifier as x", "BertTextClass"),
        ("from keras_nlp.src.models.gpt2.gpt2_backbone import GPT2Backbone as x", "GPT2Backbone"),
        ("import keras_nlp; x = keras_nlp.version()", "0."),
        ("import keras_nlp; x = keras_nlp.samplers.GreedySampler", "samplers.greedy"),
        ("import keras_nlp.samplers.top_k_sampler as m; x = m.TopKSampler", "samplers.top_k"),
    ],
)
def test_paths_of_the_original_lead_here(line, found):
    assert found in run(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("from keras_nlp.layers import NoSuchLayer", "cannot import name 'NoSuchLayer'"),
        ("from keras_nlp.utils.keras_utils import print_msg", "cannot import name 'print_msg'"),
        ("import keras_nlp.src.api", "No module named 'keras_nlp.src.api'"),
    ],
)
def test_what_there_is_not_is_said(line, message):
    with pytest.raises(ImportError, match=message):
        run(line)


def test_alias_comes_before_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_nlp", types.ModuleType("keras_nlp"))
    with pytest.raises(ImportError, match="keras_nlp is imported already"):
        compat.install()


def test_one_import_is_enough_for_the_namespaces():
    """In a process of its own, where nothing was imported before."""
    code = "import hornbook as keras_nlp\nprint(keras_nlp.layers.TransformerDecoder)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "transformer_blocks.TransformerDecoder" in done.stdout
