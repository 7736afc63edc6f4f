"""KerasNLP's calling form, in which the caller brings the model as a function."""

import keras
import numpy as np
import pytest
from keras import ops

from hornbook import samplers
from hornbook.errors import GenerationError

VOCABULARY, LENGTH = 11, 9


def next_after(prompt, cache, index):
    """A model whose likeliest token is the last one plus one; the cache counts the calls."""
    last = ops.take(prompt, index - 1, axis=1)
    logits = 9.0 * ops.one_hot((last + 1) % VOCABULARY, VOCABULARY)
    return logits, None, (cache[0] + 1,)


def prompt_of(*starts):
    prompt = np.zeros((len(starts), LENGTH), "int32")
    prompt[:, 0] = starts
    return ops.convert_to_tensor(prompt)


def fill(sampler, prompt, **options):
    options = {"index": 1, "cache": (ops.zeros((), "int32"),), **options}
    return ops.convert_to_numpy(sampler(next=next_after, prompt=prompt, **options)).tolist()


def test_greedy_fills_the_prompt():
    tokens = fill(samplers.GreedySampler(), prompt_of(2, 7))
    assert tokens == [[2, 3, 4, 5, 6, 7, 8, 9, 10], [7, 8, 9, 10, 0, 1, 2, 3, 4]]


def test_without_a_cache():
    def next(prompt, cache, index):
        logits, hidden, _ = next_after(prompt, (0,), index)
        return logits, hidden, cache

    tokens = samplers.GreedySampler()(next=next, prompt=prompt_of(2), index=1)
    assert ops.convert_to_numpy(tokens)[0, :4].tolist() == [2, 3, 4, 5]


def test_masked_tokens_of_the_prompt_stay():
    prompt = np.zeros((2, LENGTH), "int32")
    prompt[:, :3] = [[2, 9, 5], [4, 0, 0]]
    mask = prompt > 0
    tokens = fill(samplers.GreedySampler(), ops.convert_to_tensor(prompt), mask=mask)
    assert tokens[0][:5] == [2, 9, 5, 6, 7]
    assert tokens[1][:5] == [4, 5, 6, 7, 8]


def test_it_stops_when_every_row_has_made_a_stop_token():
    tokens = fill(samplers.GreedySampler(), prompt_of(2, 5), stop_token_ids=[4, 7])
    assert tokens == [[2, 3, 4, 0, 0, 0, 0, 0, 0], [5, 6, 7, 0, 0, 0, 0, 0, 0]]


def test_a_row_that_has_stopped_keeps_what_stands_after():
    tokens = fill(samplers.GreedySampler(), prompt_of(2, 5), stop_token_ids=[7])
    assert tokens == [[2, 3, 4, 5, 6, 7, 0, 0, 0], [5, 6, 7, 0, 0, 0, 0, 0, 0]]


def test_stop_tokens_of_the_prompt_stop_nothing():
    prompt = np.zeros((2, LENGTH), "int32")
    prompt[:, :3] = [[2, 9, 5], [9, 0, 0]]
    tokens = fill(
        samplers.GreedySampler(), ops.convert_to_tensor(prompt), mask=prompt > 0, stop_token_ids=9
    )
    assert tokens == [[2, 9, 5, 6, 7, 8, 9, 0, 0], [9, 10, 0, 1, 2, 3, 4, 5, 6]]


def test_the_older_name_of_a_stop_token():
    sampler = samplers.GreedySampler()
    tokens = fill(sampler, prompt_of(2, 5), end_token_id=4)
    assert tokens[0] == [2, 3, 4, 0, 0, 0, 0, 0, 0]
    with pytest.raises(GenerationError, match="same argument"):
        fill(sampler, prompt_of(2), end_token_id=8, stop_token_ids=[8])


@pytest.mark.parametrize("name", ["random", "top_k", "top_p", "min_p"])
def test_a_seed_gives_the_same_tokens_again(name):
    def flat(prompt, cache, index):
        return ops.zeros((3, VOCABULARY)), None, cache

    kind = type(samplers.get(name))
    again = [
        ops.convert_to_numpy(kind(seed=seed)(next=flat, prompt=prompt_of(1, 1, 1), index=1))
        for seed in (5, 5, 6)
    ]
    np.testing.assert_array_equal(again[0], again[1])
    assert name == "top_p" or not np.array_equal(again[0], again[2])


class OwnChance(samplers.Sampler):
    """As people wrote them for KerasNLP: a seed generator, and one method."""

    def __init__(self, seed):
        super().__init__()
        self.own_generator = keras.random.SeedGenerator(seed)

    def get_next_token(self, probabilities):
        tokens = keras.random.categorical(ops.log(probabilities), 1, seed=self.own_generator)
        return tokens[:, 0]


def test_a_sampler_that_draws_by_itself_moves_on():
    def flat(prompt, cache, index):
        return ops.zeros((1, 1000)), None, cache

    prompt = ops.zeros((1, 40), "int32")
    sampler = OwnChance(seed=3)
    first, second = (ops.convert_to_numpy(sampler(next=flat, prompt=prompt))[0] for _ in range(2))
    assert len(np.unique(first)) > 30
    assert not np.array_equal(first, second)
