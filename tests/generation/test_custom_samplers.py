"""Samplers that people wrote for KerasNLP, with `get_next_token`, in the engine."""

import keras
import numpy as np
import pytest
from keras import ops

from generation import naive
from generation.custom_samplers import NotForXLA, OwnChance, SharedChance, assert_moves_on
from hornbook import samplers
from hornbook.errors import HornbookWarning
from hornbook.generation import Engine


class SecondBest(samplers.Sampler):
    def get_next_token(self, probabilities):
        return ops.top_k(probabilities, 2)[1][:, 1]


def test_an_overridden_hook_is_called(model, prompts):
    prompt = np.array([prompts[0]], "int32")
    output = Engine(model).generate(prompt, [16], limits=20, sampler=SecondBest())
    logits_of = naive.compiled(model)
    tokens = prompts[0]
    for _ in range(4):
        padded = np.array([tokens + [0] * (20 - len(tokens))], "int32")
        logits = ops.convert_to_numpy(logits_of(ops.convert_to_tensor(padded)))
        tokens = [*tokens, int(np.argsort(logits[0, len(tokens) - 1])[-2])]
    assert output.token_ids[0].tolist() == tokens


@pytest.mark.parametrize("kind", [OwnChance, SharedChance])
def test_a_sampler_with_its_own_generator_moves_on(model, kind):
    assert_moves_on(Engine(model), kind)


def test_what_xla_cannot_compile_runs_without(model, prompts):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("only TensorFlow's graphs hold what XLA can't compile")
    prompt, engine = np.array([prompts[0]], "int32"), Engine(model)
    with pytest.warns(HornbookWarning, match="NotForXLA"):
        output = engine.generate(prompt, [16], limits=24, sampler=NotForXLA())
    expected = engine.generate(prompt, [16], limits=24)
    np.testing.assert_array_equal(output.token_ids, expected.token_ids)
