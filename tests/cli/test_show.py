"""`hornbook show` on a real folder, and on what isn't one."""

import json

import pytest

PARAMETERS = 257 * 16 + 64 * 16 + (2 * 2 * 16 + 4 * 16 * 16 + 4 * 16 + 8 * 16 * 16 + 5 * 16) + 32


def test_it_reads_config_sizes_tokenizer_and_files(hornbook, tiny_model):
    found = hornbook("show", tiny_model, "--json").json()
    assert found["family"] == "gpt2"
    assert found["tasks"] == ["CausalLM", "TextClassifier"]
    assert found["parameters"] == PARAMETERS
    assert found["memory_bytes"]["float16"] == 2 * PARAMETERS
    assert found["stored_types"] == {"float32": 2 + 12 + 2}
    assert found["config"]["hidden_dim"] == 16
    assert found["tokenizer"] == {
        "class": "GPT2Tokenizer",
        "vocabulary_size": 257,
        "chat_template": True,
    }
    weights = tiny_model / "model.safetensors"
    assert found["files"]["model.safetensors"] == weights.stat().st_size


def test_the_table_says_the_same(hornbook, tiny_model):
    outcome = hornbook("show", tiny_model)
    assert outcome.status == 0
    assert f"({PARAMETERS:,})" in outcome.out
    assert "safetensors: float32 x 16" in outcome.out
    assert "GPT2Tokenizer, 257 tokens, with a chat template" in outcome.out


def test_buffers_beside_the_weights_are_not_counted(hornbook, tiny_model, tmp_path):
    """Old checkpoints hold the causal mask of every layer."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    tensors = load_file(tiny_model / "model.safetensors")
    tensors["transformer.h.0.attn.bias"] = np.ones((1, 1, 64, 64), "float32")
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((tiny_model / "config.json").read_bytes())
    found = hornbook("show", tmp_path, "--json").json()
    assert found["parameters"] == PARAMETERS
    assert found["tokenizer"] is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "has no config.json"),
        ("{", "not readable JSON"),
        (json.dumps({"model_type": "perceptron"}), "'perceptron', which no family here reads"),
        (json.dumps({"model_type": "gpt2", "n_layr": 3}), "n_layr"),
    ],
)
def test_a_broken_folder_is_one_error(hornbook, tmp_path, config, message):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    outcome = hornbook("show", tmp_path)
    assert (outcome.status, outcome.out) == (1, "")
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_a_broken_gguf_file_is_one_error(hornbook, tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF" + bytes(3))
    outcome = hornbook("show", tmp_path / "model.gguf")
    assert outcome.status == 1
    assert "model.gguf" in outcome.err


def test_an_unknown_name_is_one_error_with_what_would_do(hornbook):
    outcome = hornbook("show", "no_such_preset")
    assert outcome.status == 1
    assert "no_such_preset" in outcome.err
    assert "hf://" in outcome.err
