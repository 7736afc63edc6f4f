"""Real checkpoints, from the packages that carry them, against transformers on the same weights."""

import keras
import numpy as np
import pytest
import torch
import transformers

from conformance import originals
from conformance.closeness import assert_close
from hornbook.checkpoints.source import resolve
from hornbook.families.registry import presets
from hornbook.models import CausalLM, TextEmbedder

LANGUAGE_MODEL = "smollm2_135m_instruct_q4_1"
EMBEDDER = "all_minilm_l6_v2_package"
PROMPTS = [
    "The capital of France is",
    "def fibonacci(n):\n    if n < 2:",
    "Été 2024 : 東京 🗼",
]
SENTENCES = [
    "A cat sleeps on the sofa.",
    "The kitten is resting.",
    "Interest rates rose again, to nobody's surprise, in the last quarter of the year.",
    "",
    "Hello!",
]


@pytest.fixture(scope="module")
def language_model():
    return CausalLM.from_preset(LANGUAGE_MODEL)


@pytest.fixture(scope="module")
def saved(language_model, tmp_path_factory):
    """What was read from the GGUF file, saved."""
    folder = tmp_path_factory.mktemp("saved")
    language_model.save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def original(saved):
    """transformers' model with the weights that were saved."""
    return transformers.AutoModelForCausalLM.from_pretrained(saved, dtype="float32")


@pytest.mark.backend_free
def test_weights_are_those_that_transformers_reads_from_the_gguf_file(original):
    read = originals.gguf_tensors(resolve(LANGUAGE_MODEL, presets()), original)
    assert original.state_dict().keys() - read.keys() == {"lm_head.weight"}  # which is tied
    for name, tensor in read.items():
        assert torch.equal(original.state_dict()[name], tensor), name


def test_logits_are_those_of_transformers(language_model, original, saved):
    tokenizer = transformers.AutoTokenizer.from_pretrained(saved)
    inputs = language_model.preprocessor.generate_preprocess(PROMPTS, pad_to="longest")
    for row, prompt in enumerate(PROMPTS):
        ids = inputs["token_ids"][row][inputs["padding_mask"][row]]
        assert ids.tolist() == tokenizer(prompt)["input_ids"]
    ours = language_model(inputs)
    mask = torch.tensor(inputs["padding_mask"])
    with torch.no_grad():
        theirs = original(
            input_ids=torch.tensor(inputs["token_ids"]).long(), attention_mask=mask.long()
        ).logits
    assert_close(ours, theirs, inputs["padding_mask"])


def test_it_knows_the_capital_of_france(language_model):
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    options = {"max_new_tokens": 24, "sampler": "greedy"}
    answer = language_model.generate(chat, **options)
    assert "Paris" in answer
    assert "".join(language_model.generate(chat, stream=True, **options)) == answer


def test_embeddings_are_those_of_transformers():
    embedder = TextEmbedder.from_preset(EMBEDDER)
    folder = resolve(EMBEDDER, presets())
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    original = transformers.AutoModel.from_pretrained(folder, dtype="float32")
    inputs = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = original(**inputs).last_hidden_state
    mask = inputs["attention_mask"][..., None].float()
    theirs = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1)).numpy()
    ours = embedder.embed(SENTENCES, batch_size=2)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    orders = [np.argsort(-vectors @ vectors.T, axis=1) for vectors in (ours, theirs)]
    np.testing.assert_array_equal(*orders)
    assert keras.ops.convert_to_numpy(embedder.predict_on_batch(["Hello!"])).shape == (1, 384)
