"""Decoding with a cache gives what the whole sequence gives, alone, in a batch and streamed."""

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
from shares import EXEMPLARY

pytestmark = pytest.mark.mechanism

FIRST = [case for case in FIRST_CASES if case.is_decoder]
LIMIT = 24
"""A length, prompt included, to generate up to: beyond the first bucket of prompts."""


@pytest.fixture
def model(case, task):
    """The case's language model, loaded from the original's checkpoint; not to be changed."""
    return task(case, case.family.head("CausalLM"))


@pytest.mark.parity
@every(DECODERS)
def test_cached_decoding_equals_the_whole_sequence_at_every_position(case, model):
    # As large as all other batches here, so that JAX has compiled the ops.
    inputs = batch(case, (11, 11, 11, 11), seed=2)
    whole = as_numpy(model.backbone(inputs))
    prefilled = np.array([1, 7, 4, 2], "int32")
    ids = inputs["token_ids"]
    # The rows are of four lengths; what stands behind them in the cache is junk.
    prompts = np.where(np.arange(7) < prefilled[:, None], ids[:, :7], 0)
    cache, call = model.backbone.init_cache(4, 15), compiled(model.backbone.call_with_cache)
    prompts, lengths = map(ops.convert_to_tensor, (prompts, prefilled))
    hidden, cache = call(prompts, cache, ops.zeros(4, "int32"), lengths)
    for row, length in enumerate(prefilled):
        assert_close(hidden[row, :length], whole[row, :length])
    rows = np.arange(4)
    for step in range(11 - prefilled.max()):
        positions = prefilled + step
        tokens = ops.convert_to_tensor(ids[rows, positions][:, None])
        hidden, cache = call(tokens, cache, ops.convert_to_tensor(positions))
        assert_close(hidden[:, 0], whole[rows, positions])


def compiled(function):
    """The function as one program on JAX, which else compiles each op of it for each shape."""
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function)


@every(DECODERS)
def test_a_padded_row_is_what_it_is_alone(case, model):
    inputs = batch(case)
    together = as_numpy(model(inputs))
    for row, length in enumerate(LENGTHS):
        alone = model({name: value[row : row + 1, :length] for name, value in inputs.items()})
        assert_close(alone[0], together[row, :length])


@pytest.mark.behaviour
@every(DECODERS)
def test_the_engine_takes_the_token_that_is_likeliest_to_the_original(case, model):
    inputs = batch(case)
    output = model.generate(inputs, max_length=LIMIT, sampler="greedy", stop_token_ids=None)
    assert output["padding_mask"].all()
    original = originals.original(case, case.family.head("CausalLM").hf_class)
    # Of the tokens before each, all at once: what a loop over its own tokens would choose.
    likeliest = as_numpy(originals.run(original, output).logits).argmax(-1)
    for border in model.backbone.restart_lengths:  # up to there, it is another model
        short = {name: values[:, :border] for name, values in output.items()}
        likeliest[:, :border] = as_numpy(originals.run(original, short).logits).argmax(-1)
    for row, length in enumerate(LENGTHS):
        tokens = output["token_ids"][row]
        assert (tokens[:length] == inputs["token_ids"][row, :length]).all()
        assert tokens[length:].tolist() == likeliest[row, length - 1 : -1].tolist()


@every(FIRST)
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


@every(DECODERS)
def test_scores_are_the_original_s_log_probabilities(case, model):
    inputs = batch(case)
    ids, mask = inputs["token_ids"], inputs["padding_mask"]
    theirs = originals.run(originals.original(case, case.family.head("CausalLM").hf_class), inputs)
    labels = torch.tensor(ids[:, 1:, None]).long()
    expected = theirs.logits[:, :-1].log_softmax(-1).gather(2, labels)[..., 0]
    scores = model.score(inputs, batch_size=3)
    assert_close(scores[:, 1:], expected, mask[:, 1:])
    assert (scores[:, 0] == 0).all()
    assert (scores[mask == 0] == 0).all()


@every(FIRST)
def test_streamed_text_is_the_whole_text(case):
    keras.utils.set_random_seed(4)
    model = with_tokenizer(case, case.family.head("CausalLM"))
    options = {"max_length": 30, "sampler": "top_k", "seed": 7, "stop_token_ids": None}
    prompts = [sentence[:9] for sentence in SENTENCES]
    texts = model.generate(prompts, **options)
    pieces = list(model.generate(prompts, stream=True, **options))
    assert ["".join(row) for row in zip(*pieces, strict=True)] == texts
    assert "".join(model.generate(prompts[0], stream=True, **options)) == texts[0]


@every(FIRST)
@pytest.mark.behaviour
@pytest.mark.backends("jax", "tensorflow")  # torch compiles nothing here
def test_one_program_a_bucket(case, model):
    def compiled_after(*lengths):
        options = {"max_length": LIMIT, "sampler": "greedy", "stop_token_ids": None}
        model.generate(batch(case, lengths), **options)
        return model.engine.compilations

    first = compiled_after(*LENGTHS)
    assert compiled_after(2, 9, 1, 3) == compiled_after(16, 1, 2, 3) == first
    if case.family_name in EXEMPLARY:
        assert compiled_after(17, 1, 1, 1) == compiled_after(20, 20, 1, 2) == first + 1
