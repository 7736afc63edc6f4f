"""Decoders generate what they compute: cached as uncached, together as alone, as the original."""

import keras
import numpy as np
import pytest
import torch

from conformance import originals
from conformance.cases import DECODERS, every
from conformance.closeness import assert_close
from conformance.inputs import batch
from generation import naive
from hornbook import samplers

LIMIT = 22


def causal_lm(case, task):
    (head,) = (head for head in case.family.heads if head.task == "CausalLM")
    return task(case, head), head


def prompts_of(case):
    inputs = batch(case)
    return inputs["token_ids"], inputs["padding_mask"].sum(axis=1)


def generate(model, case, rows=slice(None), **options):
    token_ids, lengths = prompts_of(case)
    output = model.engine.generate(token_ids[rows], lengths[rows], limits=LIMIT, **options)
    assert (output.lengths == LIMIT).all()
    return output.token_ids.tolist()


@every(DECODERS)
def test_cached_equals_uncached_at_every_position(case, backbone):
    """Each row is read in one piece up to a place of its own, then token by token."""
    model = backbone(case)
    token_ids, lengths = prompts_of(case)
    rows, width = token_ids.shape
    whole = model({"token_ids": token_ids, "padding_mask": np.ones_like(token_ids)})
    whole = keras.ops.convert_to_numpy(whole)
    to_tensor = keras.ops.convert_to_tensor

    cache = model.init_cache(rows, width)
    hidden, cache = model.call_with_cache(
        to_tensor(token_ids), cache, keras.ops.zeros((rows,), "int32")
    )
    assert_close(hidden, whole, np.arange(width) < lengths[:, None])
    for step in range(width):
        positions = np.minimum(lengths + step, width - 1).astype("int32")
        tokens = to_tensor(token_ids[np.arange(rows), positions][:, None])
        hidden, cache = model.call_with_cache(tokens, cache, to_tensor(positions))
        assert_close(hidden[:, 0], whole[np.arange(rows), positions])


@every(DECODERS)
def test_greedy_equals_the_naive_loop_and_the_original(case, task):
    model, head = causal_lm(case, task)
    token_ids, lengths = prompts_of(case)

    def logits_of(token_ids):
        return model({"token_ids": token_ids, "padding_mask": keras.ops.ones_like(token_ids)})

    compiled = naive.compiled(logits_of)
    original = originals.original(case, head.hf_class)
    generated = generate(model, case)
    for row, tokens, length in zip(generated, token_ids, lengths, strict=True):
        prompt = tokens[:length].tolist()
        assert row == naive.generate(compiled, prompt, LIMIT, pad_to=LIMIT)
        theirs = original.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
            do_sample=False,
            max_length=LIMIT,
            eos_token_id=None,
            pad_token_id=0,
        )
        assert row == theirs[0].tolist()


@every(DECODERS)
@pytest.mark.parametrize("sampler", ["greedy", "top_k"])
def test_a_row_alone_and_a_stream_give_the_same(case, task, sampler):
    model, _ = causal_lm(case, task)
    options = {"sampler": samplers.get(sampler), "seed": 3}
    whole = generate(model, case, **options)
    assert generate(model, case, slice(0, 1), **options) == whole[:1]
    token_ids, lengths = prompts_of(case)
    streamed = [row[:n].tolist() for row, n in zip(token_ids, lengths, strict=True)]
    for step in model.engine.stream(token_ids, lengths, limits=LIMIT, **options):
        for row, token, active in zip(streamed, step.tokens.tolist(), step.active, strict=True):
            if active:
                row.append(token)
    assert streamed == whole


@every(DECODERS)
def test_programs_are_compiled_once_a_bucket(case, task):
    model, _ = causal_lm(case, task)
    engine = type(model.engine)(model)
    engine.generate([[1, 2]], [2], limits=9)
    first = engine.compilations
    for length, limit in [(1, 4), (3, LIMIT), (16, case.config.max_sequence_length)]:
        engine.generate(np.ones((1, length)), [length], limits=limit, seed=length)
    assert engine.compilations == first == (0 if keras.backend.backend() == "torch" else 2)


@every(DECODERS)
@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_bfloat16"])
def test_half_precision_generates(case, dtype):
    (head,) = (head for head in case.family.heads if head.task == "CausalLM")
    backbone = case.backbone_class(**vars(case.config), dtype=dtype)
    model = case.task_class(head)(backbone)
    rows = generate(model, case)
    assert np.array(rows).max() < case.config.vocabulary_size
    keys, values = backbone.init_cache(1, 4)[0]
    names = {keras.backend.standardize_dtype(part.dtype) for part in (keys, values)}
    assert names == {"bfloat16"}
