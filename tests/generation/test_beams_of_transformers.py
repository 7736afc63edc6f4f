"""Beam search gives what `transformers` gives for the same weights."""

import keras
import numpy as np
import pytest

from hornbook.models import GPT2CausalLM
from hornbook.samplers import BeamSampler

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="the plain form holds the backends together"
)

PROMPTS = [[4, 9, 20, 1, 7], [30, 2]]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    transformers = pytest.importorskip("transformers")
    transformers.set_seed(3)
    config = transformers.GPT2Config(
        vocab_size=37, n_positions=32, n_embd=12, n_layer=1, n_head=2, initializer_range=0.9,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    original = transformers.GPT2LMHeadModel(config).eval()
    folder = tmp_path_factory.mktemp("gpt2")
    original.save_pretrained(folder)
    return GPT2CausalLM.from_preset(folder, preprocessor=None), original


@pytest.mark.parametrize(
    ("beams", "length_penalty", "stops"),
    [(4, 1.0, None), (4, 1.0, [13, 28, 35]), (4, 0.0, [13, 28, 35]), (4, 2.5, [13, 28, 35])],
)
def test_the_same_beams(models, beams, length_penalty, stops):
    import torch

    model, original = models
    lengths = [len(prompt) for prompt in PROMPTS]
    table = np.array([prompt + [0] * (5 - len(prompt)) for prompt in PROMPTS])
    sampler = BeamSampler(beams, return_all_beams=True, length_penalty=length_penalty)
    output = model.engine.generate(
        table, lengths, limits=16, sampler=sampler, stop_token_ids=stops or (), pad_token_id=36
    )
    for row, prompt in enumerate(PROMPTS):
        theirs = original.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), do_sample=False,
            num_beams=beams, num_return_sequences=beams, length_penalty=length_penalty,
            max_length=16, eos_token_id=stops, pad_token_id=36, return_dict_in_generate=True,
            output_scores=True,
        )  # fmt: skip
        ours = output.token_ids[row]
        width = theirs.sequences.shape[1]
        np.testing.assert_array_equal(ours[:, :width], theirs.sequences.numpy())
        assert (ours[:, width:] == 36).all()
        made = output.lengths[row] - len(prompt)
        scores = output.log_probabilities[row] / made**length_penalty
        np.testing.assert_allclose(scores, theirs.sequences_scores.numpy(), rtol=2e-4)
    assert bool((output.lengths < 16).any()) == bool(stops)
