"""Decoding with a cache gives what the whole sequence gives, alone, in a batch and streamed."""

from functools import cache

import keras
import numpy as np
import pytest
import torch
from keras import ops

from conformance import originals
from conformance.cases import DECODERS, FIRST_CASES, every
from conformance.closeness import as_numpy, assert_close
from conformance.inputs import LENGTHS, batch
from conformance.vocabularies import SENTENCES, with_tokenizer
from generation import naive

FIRST = [case for case in FIRST_CASES if case.is_decoder]
LIMIT = 24
"""A length, prompt included, to generate up to: beyond the first bucket of prompts."""


@pytest.fixture
def model(case, task):
    """The case's language model, loaded from the original's checkpoint; not to be changed."""
    return task(case, case.family.head("CausalLM"))


def prompts_of(inputs):
    """The real tokens of each row."""
    return [
        row[mask > 0].tolist()
        for row, mask in zip(inputs["token_ids"], inputs["padding_mask"], strict=True)
    ]


@every(DECODERS)
def test_cached_decoding_equals_the_whole_sequence_at_every_position(case, model):
    inputs = batch(case, (12, 12, 12), seed=2)
    whole = as_numpy(model.backbone(inputs))
    prefilled = np.array([1, 7, 4], "int32")
    ids = inputs["token_ids"]
    # The rows are of three lengths; what stands behind them in the cache is junk.
    prompts = np.where(np.arange(7) < prefilled[:, None], ids[:, :7], 0)
    cache = model.backbone.init_cache(3, 15)
    hidden, cache = model.backbone.call_with_cache(
        ops.convert_to_tensor(prompts), cache, ops.zeros(3, "int32")
    )
    for row, length in enumerate(prefilled):
        assert_close(hidden[row, :length], whole[row, :length])
    rows = np.arange(3)
    for step in range(12 - prefilled.max()):
        positions = prefilled + step
        hidden, cache = model.backbone.call_with_cache(
            ops.convert_to_tensor(ids[rows, positions][:, None]),
            cache,
            ops.convert_to_tensor(positions),
        )
        assert_close(hidden[:, 0], whole[rows, positions])


@every(DECODERS)
def test_a_padded_row_is_what_it_is_alone(case, model):
    inputs = batch(case)
    together = as_numpy(model(inputs))
    for row, length in enumerate(LENGTHS):
        alone = model({name: value[row : row + 1, :length] for name, value in inputs.items()})
        assert_close(alone[0], together[row, :length])


@every(DECODERS)
def test_the_engine_gives_what_the_naive_loop_and_the_original_give(case, model):
    inputs = batch(case)
    output = model.generate(inputs, max_length=LIMIT, sampler="greedy", stop_token_ids=None)
    assert output["padding_mask"].all()

    def logits_of(token_ids):
        return model({"token_ids": token_ids, "padding_mask": ops.ones_like(token_ids)})

    logits_of = naive.compiled(logits_of)
    original = originals.original(case, case.family.head("CausalLM").hf_class)
    for row, prompt in zip(output["token_ids"].tolist(), prompts_of(inputs), strict=True):
        assert row == naive.generate(logits_of, prompt, LIMIT, pad_to=LIMIT)
        theirs = original.generate(
            torch.tensor([prompt]), do_sample=False, max_length=LIMIT, eos_token_id=[],
            pad_token_id=0, attention_mask=torch.ones(1, len(prompt)),
        )  # fmt: skip
        assert row == theirs[0].tolist()


@every(DECODERS)
def test_a_row_stops_at_its_stop_token(case, model):
    inputs = batch(case)
    free = model.generate(inputs, max_length=LIMIT, sampler="greedy", stop_token_ids=None)
    for stopping, length in enumerate(LENGTHS):
        stop = int(free["token_ids"][stopping, length + 3])
        output = model.generate(inputs, max_length=LIMIT, sampler="greedy", stop_token_ids=[stop])
        for row, start in enumerate(LENGTHS):
            made = free["token_ids"][row, start:].tolist()
            end = start + made.index(stop) + 1 if stop in made else LIMIT
            assert output["padding_mask"][row].sum() == end
            assert (output["token_ids"][row, :end] == free["token_ids"][row, :end]).all()


@cache
def model_of_texts(case):
    keras.utils.set_random_seed(4)
    return with_tokenizer(case, case.family.head("CausalLM"))


@every(FIRST)
@pytest.mark.parametrize("sampler", ["greedy", "top_k", "top_p"])
def test_streamed_text_is_the_whole_text(case, sampler):
    model = model_of_texts(case)
    options = {"max_length": 30, "sampler": sampler, "seed": 7, "stop_token_ids": None}
    prompts = [sentence[:9] for sentence in SENTENCES]
    texts = model.generate(prompts, **options)
    pieces = list(model.generate(prompts, stream=True, **options))
    assert ["".join(row) for row in zip(*pieces, strict=True)] == texts
    assert "".join(model.generate(prompts[0], stream=True, **options)) == texts[0]


@every(FIRST)
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="torch compiles nothing here")
def test_one_program_a_bucket(case):
    model = case.task_class(case.family.head("CausalLM"))(case.backbone_class(**vars(case.config)))

    def compiled_after(*lengths):
        options = {"max_length": LIMIT, "sampler": "greedy", "stop_token_ids": None}
        model.generate(batch(case, lengths), **options)
        return model.engine.compilations

    first = compiled_after(3, 5)
    assert compiled_after(2, 9) == compiled_after(16, 1) == first
    assert compiled_after(17, 1) == compiled_after(20, 20) == first + 1
