"""Whole models whose samplers ask for a few likeliest tokens."""

import gc
import weakref

import keras
import numpy as np
import pytest

from hornbook import samplers
from hornbook.backbones.adaptation import enable_lora, quantize
from hornbook.generation import Engine
from hornbook.generation.drafts import ModelDraft, PromptLookup
from hornbook.generation.drivers import kernel_codes
from hornbook.generation.speculation import SpeculativeSampler
from hornbook.models import Gemma2Backbone, Gemma2CausalLM, LlamaBackbone, LlamaCausalLM
from hornbook.native import operations
from hornbook.native.processor import this_processor
from hornbook.native.scope import SWITCH
from hornbook.samplers.transforms import LogitBias
from shares import not_tensorflow

pytestmark = pytest.mark.skipif(this_processor() is None, reason="no machine code here")
SIZES = {
    "vocabulary_size": 300, "num_layers": 1, "num_query_heads": 2, "num_key_value_heads": 1,
    "hidden_dim": 16, "intermediate_dim": 24, "initializer_range": 0.5,
}  # fmt: skip
PROMPTS = np.array([[3, 4, 5], [6, 7, 0]]), [3, 2]


@pytest.fixture(autouse=True)
def any_size(monkeypatch):
    monkeypatch.setattr(operations, "LEAST_LIKELIEST", 0)


@pytest.fixture
def made(monkeypatch):
    """The kernels that codes were made of."""
    kernels = []
    make = kernel_codes.kernel_codes

    def noted(kernel):
        kernels.append(np.array(kernel, "float32"))
        return make(kernel)

    monkeypatch.setattr(kernel_codes, "kernel_codes", noted)
    return kernels


def causal_lm(kind=LlamaCausalLM, tied=True, dtype=None, **more):
    config = {**SIZES, "tie_word_embeddings": tied, **more}
    return kind(LlamaBackbone(**config, dtype=dtype))


def generate(model, sampler="greedy", rows=2, engine=None):
    token_ids, lengths = PROMPTS
    engine = engine or Engine(model)
    given = token_ids[:rows], lengths[:rows]
    return engine.generate(*given, limits=20, sampler=sampler, seed=1).token_ids


def plain(model, sampler="greedy", rows=2):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, "0")
        return generate(model, sampler, rows)


def kernel_of(model):
    return np.array(keras.ops.convert_to_numpy(model.logits_product.kernel.value))


@not_tensorflow
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("rows", [1, 2])
def test_tokens_are_those_of_all_logits(made, tied, rows):
    model = causal_lm(tied=tied)
    for sampler in ("greedy", samplers.TopKSampler(4), samplers.TopKSampler(9, temperature=2.0)):
        expected = plain(model, sampler, rows)
        assert tied or len(np.unique(expected[0])) > 8
        np.testing.assert_array_equal(generate(model, sampler, rows), expected)
    assert len(made) == 1  # for all of them
    np.testing.assert_array_equal(made[0], kernel_of(model))


@not_tensorflow
@pytest.mark.parametrize("draft", ["lookup", "model", "itself"])
@pytest.mark.parametrize("sampler", ["greedy", samplers.TopKSampler(4)], ids=str)
def test_guesses_are_checked_by_the_likeliest_tokens(made, draft, sampler):
    model, smaller = (causal_lm(tied=False) for _ in range(2))
    sampler = samplers.get(sampler)

    def tokens():
        if draft == "lookup":
            guesses = SpeculativeSampler(sampler, PromptLookup(adaptive=False), 2)
            return generate(model, guesses)
        other = model if draft == "itself" else smaller
        guesses = SpeculativeSampler(sampler, ModelDraft(), 2)
        return generate(model, guesses, engine=Engine(model).with_draft(other))

    found = tokens()
    assert made
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, "0")
        np.testing.assert_array_equal(found, tokens())


@pytest.mark.parametrize("how", ["assigned", "trained"])
def test_a_kernel_with_other_numbers_has_other_codes(made, how):
    model = causal_lm()
    engine = Engine(model)
    first = generate(model, engine=engine)
    if how == "assigned":
        variable = model.logits_product.kernel
        variable.assign(np.flip(kernel_of(model), axis=0))
    else:
        model.compile(optimizer=keras.optimizers.Adam(0.5))
        token_ids = np.array([[3, 4, 5, 9]] * 2)
        batch = {"token_ids": token_ids[:, :-1], "padding_mask": np.ones((2, 3), "int32")}
        model.fit(batch, token_ids[:, 1:], epochs=2, verbose=0)
    expected = plain(model)
    assert (first != expected).any()
    np.testing.assert_array_equal(generate(model, engine=engine), expected)
    assert len(made) == 2
    np.testing.assert_array_equal(made[1], kernel_of(model))
    np.testing.assert_array_equal(generate(model, engine=engine), expected)
    assert len(made) == 2


class Flipped(LlamaCausalLM):
    """Its logits are more than a product."""

    def project(self, hidden):
        return keras.ops.flip(super().project(hidden), axis=-1)


def adapted(how):
    model = causal_lm(tied=False)
    how(model)
    return model


CASES = {
    "a projection of its own": lambda: causal_lm(Flipped),
    "a soft cap": lambda: Gemma2CausalLM(Gemma2Backbone(**SIZES, head_dim=8)),
    "another dtype": lambda: causal_lm(dtype="mixed_bfloat16"),
    "LoRA": lambda: adapted(lambda model: enable_lora(model, 2, ["lm_head"])),
    "int8": lambda: adapted(quantize),
}


@not_tensorflow
@pytest.mark.parametrize("case", CASES)
def test_logits_that_are_more_than_a_product_have_no_codes(made, case):
    model = CASES[case]()
    np.testing.assert_array_equal(generate(model), plain(model))
    assert not made


class LeastLikely(samplers.GreedySampler):
    """It inherits from one that asks for little, and looks at everything."""

    def choose(self, logits, uniforms):
        return keras.ops.argmin(logits, axis=-1)


@not_tensorflow
@pytest.mark.parametrize(
    "sampler",
    [
        LeastLikely(),
        "top_p",
        samplers.TopKSampler(99),
        samplers.GreedySampler(transforms=[LogitBias({7: 30.0})]),
        samplers.BeamSampler(num_beams=2),
    ],
    ids=str,
)
def test_samplers_that_ask_for_more_have_no_codes(made, sampler):
    generate(causal_lm(), sampler)
    assert not made


@not_tensorflow
def test_no_codes_for_many_rows(made, monkeypatch):
    monkeypatch.setitem(operations.MOST_LIKELIEST, "float32", 1)
    model = causal_lm()
    generate(model)
    assert not made
    generate(model, rows=1)
    assert len(made) == 1


@not_tensorflow
def test_numbers_that_are_not_finite(made):
    model = causal_lm()
    engine = Engine(model)
    generate(model, engine=engine)
    kernel = kernel_of(model)
    kernel[200, 3] = np.inf
    model.logits_product.kernel.assign(kernel)
    generate(model, engine=engine)
    generate(model, engine=engine)
    assert len(made) == 2


def test_codes_go_with_their_model(made):
    model = causal_lm()
    generate(model)
    layer = model.logits_product.layer
    codes = weakref.ref(kernel_codes._HELD[layer].codes.codes)
    del model, layer
    keras.backend.clear_session()
    gc.collect()
    assert codes() is None
