"""What each sampler may pick, how often, and how samplers are named and saved."""

import json

import numpy as np
import pytest
from keras import ops

from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.samplers.uniforms import row_uniforms

ALL = [
    samplers.GreedySampler(),
    samplers.RandomSampler(seed=1, temperature=0.5),
    samplers.TopKSampler(k=3, seed=2, temperature=2.0),
    samplers.TopPSampler(p=0.6, seed=3),
    samplers.TopPSampler(p=0.6, k=4),
    samplers.MinPSampler(p=0.2, temperature=0.9),
]


def pick(sampler, logits, uniforms):
    """Samples from one row of logits, once for each uniform number."""
    logits = ops.convert_to_tensor(np.tile(np.float32(logits), (len(uniforms), 1)))
    return ops.convert_to_numpy(sampler.next_tokens(logits, ops.convert_to_tensor(uniforms)))


def softmax(logits):
    weights = np.exp(np.float64(logits) - np.max(logits))
    return weights / weights.sum()


def allowed_by(sampler, logits):
    """The probabilities that a sampler should give, by its definition."""
    probabilities = softmax(np.float64(logits) / sampler.temperature)
    order = np.argsort(-probabilities)
    likelier = np.empty_like(probabilities)
    likelier[order] = np.cumsum(probabilities[order]) - probabilities[order]
    rank = np.empty(len(order), int)
    rank[order] = np.arange(len(order))
    kept = {
        "GreedySampler": lambda: rank == 0,
        "RandomSampler": lambda: rank >= 0,
        "TopKSampler": lambda: rank < sampler.k,
        "TopPSampler": lambda: (likelier < sampler.p) & (rank < (sampler.k or len(order))),
        "MinPSampler": lambda: probabilities >= sampler.p * probabilities.max(),
    }[type(sampler).__name__]()
    return np.where(kept, probabilities, 0) / probabilities[kept].sum()


@pytest.mark.parametrize("sampler", ALL, ids=repr)
@pytest.mark.parametrize("vocabulary", [7, 1300])
def test_tokens_come_as_often_as_they_should(sampler, vocabulary):
    logits = np.random.default_rng(5).normal(size=vocabulary) * 2
    draws = 4000
    counts = np.bincount(pick(sampler, logits, row_uniforms(11, 1, draws)[0]), minlength=vocabulary)
    expected = allowed_by(sampler, logits) * draws

    assert counts[expected == 0].sum() == 0
    likely = expected >= 5
    observed = np.append(counts[likely], counts[~likely].sum())
    wanted = np.append(expected[likely], expected[~likely].sum())
    observed, wanted = observed[wanted > 0], wanted[wanted > 0]
    chi_square = ((observed - wanted) ** 2 / wanted).sum()
    freedom = len(wanted) - 1
    assert chi_square <= freedom + 4 * np.sqrt(2 * freedom)  # four standard deviations


@pytest.mark.parametrize("sampler", ALL, ids=repr)
def test_the_ends_of_chance_stay_inside(sampler):
    """The smallest and the largest uniform number pick a token that may be picked."""
    random = np.random.default_rng(6)
    for vocabulary in (3, 600):
        logits = random.normal(size=vocabulary)
        logits[[0, -1]] = -np.inf
        picked = pick(sampler, logits, np.float32([0, 1e-9, 1 - 2**-24]))
        assert (allowed_by(sampler, logits)[picked] > 0).all()


def test_more_choices_than_tokens():
    assert pick(samplers.TopKSampler(k=50), [0.0, 3.0], np.float32([0.99, 0.01])).tolist() == [0, 1]


def test_the_least_share_of_the_likeliest_token():
    uniforms = row_uniforms(1, 1, 500)[0]
    logits = np.log([0.5, 0.26, 0.24])
    assert set(pick(samplers.MinPSampler(p=0.5), logits, uniforms).tolist()) == {0, 1}
    assert set(pick(samplers.MinPSampler(p=0.47), logits, uniforms).tolist()) == {0, 1, 2}
    assert set(pick(samplers.MinPSampler(p=0.53), logits, uniforms).tolist()) == {0}
    assert set(pick(samplers.MinPSampler(p=0.0), logits, uniforms).tolist()) == {0, 1, 2}


def test_numbers_of_a_row_depend_on_nothing_else():
    table = row_uniforms(3, 4, 100)
    np.testing.assert_array_equal(row_uniforms(3, 2, 7), table[:2, :7])
    assert table.dtype == np.float32
    assert len(np.unique(table)) == table.size
    assert 0 <= table.min() < table.max() < 1
    assert not np.array_equal(row_uniforms(None, 1, 5), row_uniforms(None, 1, 5))
    assert not np.array_equal(row_uniforms(-1, 1, 5), row_uniforms(1, 1, 5))


SEARCHES = [
    samplers.BeamSampler(3, True, 0.5, temperature=0.7),
    samplers.ContrastiveSampler(4, 0.3, seed=2, temperature=2.0),
]


@pytest.mark.parametrize("sampler", [*ALL, *SEARCHES], ids=repr)
def test_a_sampler_survives_json(sampler):
    config = json.loads(json.dumps(samplers.serialize(sampler)))
    for again in (samplers.deserialize(config), samplers.get(config)):
        assert type(again) is type(sampler)
        assert again.get_config() == sampler.get_config()


def test_names():
    assert samplers.get("greedy").get_config() == {}
    assert samplers.get("top_k").get_config() == {"k": 5, "temperature": 1.0, "seed": None}
    assert samplers.get("top_p").get_config()["p"] == 0.1
    assert isinstance(samplers.get("random"), samplers.RandomSampler)
    assert isinstance(samplers.get("min_p"), samplers.MinPSampler)
    assert samplers.get("beam").num_beams == 5
    assert (samplers.get("contrastive").k, samplers.get("contrastive").alpha) == (5, 0.6)
    config = {"class_name": "top_k", "config": {"k": 9}}
    assert samplers.get(config).k == 9
    with pytest.raises(GenerationError, match="greedy, random, top_k"):
        samplers.get("topk")


@pytest.mark.parametrize(
    "make",
    [
        lambda: samplers.RandomSampler(temperature=0),
        lambda: samplers.RandomSampler(temperature=float("nan")),
        lambda: samplers.TopKSampler(k=0),
        lambda: samplers.TopPSampler(p=0.0),
        lambda: samplers.TopPSampler(p=1.5),
        lambda: samplers.TopPSampler(k=0),
        lambda: samplers.MinPSampler(p=-1),
        lambda: samplers.BeamSampler(num_beams=0),
        lambda: samplers.BeamSampler(length_penalty=float("nan")),
        lambda: samplers.BeamSampler(temperature=0),
        lambda: samplers.ContrastiveSampler(k=0),
        lambda: samplers.ContrastiveSampler(alpha=1.1),
    ],
)
def test_numbers_out_of_range(make):
    with pytest.raises(GenerationError, match="expected"):
        make()


def test_traced_numbers_do_not_change_the_trace_key():
    one = samplers.TopPSampler(p=0.3, k=5, seed=1, temperature=0.5)
    other = samplers.TopPSampler(p=0.4, k=5, seed=2, temperature=0.6)
    assert one.trace_key == other.trace_key
    assert one.trace_key != samplers.TopPSampler(p=0.3, k=6).trace_key
    bound = one.with_traced_values(other.traced_values())
    assert (bound.p, bound.k, bound.temperature, one.p) == (0.4, 5, 0.6, 0.3)


class SecondBest(samplers.Sampler):
    def __init__(self, places):
        super().__init__()
        self.places = places

    def get_next_token(self, probabilities):
        return ops.top_k(probabilities, self.places)[1][:, -1]


def test_a_sampler_with_its_own_hook():
    sampler = SecondBest(2)
    assert pick(sampler, [0.1, 0.9, 0.5], np.float32([0.3])).tolist() == [2]
    assert sampler.trace_key == sampler.trace_key
    assert sampler.trace_key != SecondBest(2).trace_key
    before = sampler.trace_key
    sampler.places = 3
    assert sampler.trace_key != before


@pytest.mark.parametrize("sampler", ALL, ids=repr)
def test_the_hook_of_keras_nlp(sampler):
    """`get_next_token` takes probabilities and moves on by itself."""
    sampler = type(sampler)(**sampler.get_config())
    probabilities = np.tile(np.float32([[0.5, 0.0, 0.3, 0.2]]), (64, 1))
    logits = np.log(np.float64([0.5, 1e-300, 0.3, 0.2]))
    tokens = [
        ops.convert_to_numpy(sampler.get_next_token(ops.convert_to_tensor(probabilities)))
        for _ in range(2)
    ]
    allowed = allowed_by(sampler, logits * sampler.temperature) > 1e-6
    assert allowed[np.concatenate(tokens)].all()
    if allowed.sum() > 1:
        assert not np.array_equal(*tokens)


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (samplers.GreedySampler, "run_loop", r"Mine has run_loop\(\), .*get_next_token"),
        (samplers.ContrastiveSampler, "run_loop", "run_loop"),
        (samplers.ContrastiveSampler, "similarity", r"Mine has similarity\(\), .*advance\(\)"),
    ],
)
def test_methods_that_nothing_would_call_are_refused(kind, name, message):
    with pytest.raises(GenerationError, match=message):
        type("Mine", (kind,), {name: lambda self, *arguments: None})
    type("Mine", (samplers.GreedySampler,), {"similarity": lambda self, *arguments: None})
