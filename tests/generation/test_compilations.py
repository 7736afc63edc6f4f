"""How often a model is compiled: once a bucket, whatever changes inside of it."""

import keras
import numpy as np
import pytest

from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.generation import Engine
from hornbook.generation.buckets import cache_bucket, prompt_bucket, prompt_pieces

compiling = pytest.mark.skipif(
    keras.backend.backend() == "torch", reason="torch runs eagerly: nothing is compiled"
)


def run(engine, length, limit, rows=2, **options):
    engine.generate(np.ones((rows, length)), [length] * rows, limits=limit, **options)
    return engine.compilations


@compiling
def test_one_program_a_bucket():
    engine = Engine(TinyModel(num_layers=1))
    assert run(engine, 3, 9) == 2  # one for prompts, one for decoding
    for length, limit in [(3, 9), (2, 50), (16, 128), (10, 60)]:
        assert run(engine, length, limit) == 2
    assert run(engine, 17, 60) == 3  # the next bucket of prompts
    assert run(engine, 31, 128) == 3
    assert run(engine, 20, 200) == 4  # the cache grows past 128 slots
    assert run(engine, 30, 256) == 4
    assert run(engine, 3, 9, rows=3) == 6  # another batch size
    for _ in engine.stream(np.ones((2, 5)), [5, 5], limits=70):
        pass
    assert engine.compilations == 6  # the stream runs the same programs


@compiling
def test_numbers_of_samplers_compile_nothing():
    engine = Engine(TinyModel(num_layers=1))
    count = run(engine, 3, 9, sampler=samplers.TopPSampler(p=0.5, seed=1))
    assert run(engine, 3, 9, sampler=samplers.TopPSampler(p=0.9, temperature=0.3), seed=4) == count
    assert run(engine, 3, 9, stop_token_ids=(1, 2, 3)) == count + 1  # greedy: another sampler
    assert run(engine, 3, 9, stop_token_ids=(7,)) == count + 1
    assert run(engine, 3, 9, sampler=samplers.TopKSampler(k=3)) == count + 2
    assert run(engine, 3, 9, sampler=samplers.TopKSampler(k=4)) == count + 3
    assert run(engine, 3, 9, sampler=samplers.TopKSampler(k=3, temperature=2.0)) == count + 3


@compiling
def test_searches_and_transforms_compile_once():
    engine = Engine(TinyModel(num_layers=1))
    assert run(engine, 3, 9, sampler=samplers.BeamSampler(2)) == 2
    for penalty, every in ((0.3, False), (-1.0, True)):
        sampler = samplers.BeamSampler(2, every, penalty, temperature=0.5)
        assert run(engine, 5, 40, sampler=sampler, stop_token_ids=(1,)) == 2
    assert run(engine, 3, 9, sampler=samplers.ContrastiveSampler(2)) == 3
    assert run(engine, 5, 40, sampler=samplers.ContrastiveSampler(2, alpha=0.1)) == 3

    for penalty in (1.2, 0.7):
        transforms = [samplers.RepetitionPenalty(penalty), samplers.LogitBias({2: penalty})]
        assert run(engine, 3, 9, sampler=samplers.GreedySampler(transforms=transforms)) == 4


def test_buckets_cover_what_they_are_asked_for():
    for length in range(1, 1001):
        prompt = prompt_bucket(length, 1000)
        cache = cache_bucket(length, 1000, 1000)
        assert length <= prompt <= min(max(16, 2 * length), 1000)
        assert min(length + 64, 1000) <= cache <= 1000
        assert prompt <= cache
        assert length <= cache_bucket(length, length, 1000) <= min(max(128, 2 * length), 1000)
    for length in range(513, 8193):
        assert cache_bucket(length, length, 8192) < 1.25 * length
    pieces = {
        (piece.size, piece.slots)
        for length in range(1, 8193)
        for piece in prompt_pieces(length, 256, 8192)
    }
    assert len(pieces) == 10
    growing = {cache_bucket(length, 8192, 8192) for length in range(1, 8193)}
    ending = {cache_bucket(length, length, 8192) for length in range(1, 8193)}
    assert (len(growing), len(growing | ending)) == (11, 19)
