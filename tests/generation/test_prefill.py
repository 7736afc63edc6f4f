"""Long prompts in pieces: the same tokens as in one."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation import Engine
from hornbook.generation.buckets import prompt_pieces
from hornbook.generation.drafts import ModelDraft
from hornbook.generation.drivers import program_class
from hornbook.generation.prefill import run_prompts
from hornbook.generation.speculation import SpeculativeSampler
from shares import not_tensorflow

WHOLE = 4096
LENGTHS = (100, 3, 33, 64)


@pytest.fixture(scope="module")
def tiny():
    return TinyModel(num_layers=1)


@pytest.fixture(scope="module")
def batch():
    return np.random.default_rng(3).integers(0, 37, size=(4, 100)), np.array(LENGTHS)


def both(model, batch, chunk, draft=None, **options):
    """The tokens from prompts in pieces, and from whole ones."""
    engines = [Engine(model, prompt_chunk=size) for size in (chunk, WHOLE)]
    if draft is not None:
        engines = [engine.with_draft(draft) for engine in engines]
    outputs = [engine.generate(*batch, **options) for engine in engines]
    return [output.token_ids.tolist() for output in outputs]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"sampler": "greedy"}, id="greedy"),
        pytest.param({"sampler": samplers.TopKSampler(k=5, seed=1)}, id="top_k"),
        # It needs all hidden states.
        pytest.param(
            {"sampler": samplers.ContrastiveSampler(2)}, id="contrastive", marks=not_tensorflow
        ),
        pytest.param({"sampler": samplers.BeamSampler(2)}, id="beam", marks=not_tensorflow),
        pytest.param({"batch_size": 2}, id="slots", marks=not_tensorflow),
    ],
)
def test_pieces_give_the_tokens_of_whole_prompts(tiny, batch, options):
    pieces, whole = both(tiny, batch, 32, limits=120, **options)
    assert pieces == whole


@not_tensorflow
def test_a_draft_reads_pieces_too(tiny, batch):
    draft = TinyModel(num_layers=1, seed=4)
    sampler = SpeculativeSampler(samplers.GreedySampler(), ModelDraft(), 3)
    pieces, whole = both(tiny, batch, 32, draft, limits=120, sampler=sampler)
    assert pieces == whole


def test_a_last_piece_that_the_model_s_positions_cut_short(tiny):
    """Of 300 positions, pieces of 64 leave 44."""
    token_ids = np.random.default_rng(5).integers(0, 37, size=(2, 290))
    pieces, whole = both(tiny, (token_ids, [290, 200]), 64, limits=300)
    assert pieces == whole


def test_hidden_states_stand_at_their_tokens(tiny):
    token_ids = np.random.default_rng(5).integers(0, 37, size=(2, 290)).astype("int32")
    lengths = np.array([290, 250], "int32")
    program = program_class()(tiny, samplers.GreedySampler(), lambda: None)
    _, hidden, _ = run_prompts(
        program, token_ids, lengths, chunk=64, maximum=300, keeps_hidden=True
    )
    hidden, expected = map(
        keras.ops.convert_to_numpy, (hidden, tiny.states(keras.ops.convert_to_tensor(token_ids)))
    )
    for row, wanted, length in zip(hidden, expected, lengths, strict=True):
        np.testing.assert_allclose(row[:length], wanted[:length], atol=1e-4)


@not_tensorflow
def test_a_cache_that_is_shorter_than_that_of_the_last_piece():
    """600 tokens take a piece with 1,024 slots, and go on in 768."""
    model = TinyModel(num_layers=1, max_sequence_length=1100)
    token_ids = np.random.default_rng(5).integers(0, 37, size=(2, 600))
    for options in ({}, {"batch_size": 1}):
        pieces, whole = both(model, (token_ids, [600, 20]), 256, limits=[610, 30], **options)
        assert pieces == whole


@pytest.mark.skipif(keras.backend.backend() == "torch", reason="nothing is compiled")
def test_programs_for_pieces_serve_all_long_prompts(tiny):
    engine = Engine(tiny, prompt_chunk=32)

    def count(length):
        engine.generate(np.ones((1, length)), [length], limits=length + 1)
        return engine.compilations

    assert count(20) == 1  # its first token comes with the prompt: there is no program for others
    assert count(40) == count(64) == 2
    assert count(70) == 3  # the first, and one that reads 128 slots
    assert count(128) == count(97) == 3


def test_pieces_cover_prompts():
    for chunk, maximum in ((256, 1000), (32, 300), (7, 100)):
        for length in range(1, maximum + 1):
            pieces = prompt_pieces(length, chunk, maximum)
            assert pieces[0].start == 0
            assert pieces[-1].end >= length
            for one, other in pairwise(pieces):
                assert one.start < other.start == one.end < length
            assert all(each.end <= each.slots <= maximum for each in pieces)
            assert length <= 2 * chunk or {each.size for each in pieces[:-1]} == {chunk}
            assert len(pieces) == 1 or pieces[-1].size == chunk or pieces[-1].end == maximum


def test_a_chunk_has_tokens(tiny):
    with pytest.raises(GenerationError, match="prompt_chunk is 0"):
        Engine(tiny, prompt_chunk=0)
