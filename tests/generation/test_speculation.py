"""Guesses of a draft, checked by the model: the results are those without a draft."""

import numpy as np
import pytest
from keras import ops

from generation.tiny_decoder import TinyModel
from generation.tiny_task import MAXIMUM, TEXTS
from hornbook import samplers
from hornbook.errors import GenerationError
from hornbook.generation import Engine, Request
from hornbook.generation.drafts import ModelDraft, PromptLookup
from hornbook.generation.speculation import SpeculativeSampler, settle
from hornbook.models import GPT2Backbone, GPT2CausalLM
from hornbook.samplers.rows import Rows
from shares import not_tensorflow

LENGTHS = (3, 16, 1, 9)
GREEDY = samplers.GreedySampler()


@pytest.fixture(scope="module")
def batch():
    token_ids = np.random.default_rng(3).integers(0, 37, size=(4, 16))
    return token_ids, np.array(LENGTHS)


class NearlyTheSame(TinyModel):
    """The model with small changes, so that it is often right but not always."""

    def __init__(self, share):
        super().__init__()
        random = np.random.default_rng(1)
        for variable in self.variables:
            noise = random.normal(size=variable.shape, scale=share).astype("float32")
            variable.assign(ops.convert_to_numpy(variable.value) + noise)


@pytest.fixture(
    scope="module",
    params=[
        "lookup",
        pytest.param("same", marks=not_tensorflow),
        "near",
        pytest.param("other", marks=not_tensorflow),
    ],
)
def drafted(request, model, engine):
    """An engine, a draft for it, and what is known of the draft."""
    if request.param == "lookup":
        return engine, PromptLookup(adaptive=False), "some"
    draft = {
        "same": lambda: model,
        "near": lambda: NearlyTheSame(0.1),
        "other": lambda: TinyModel(seed=7, num_layers=1),
    }[request.param]()
    return Engine(model).with_draft(draft), ModelDraft(), request.param


def generate(engine, batch, **options):
    output = engine.generate(*batch, **options)
    return [
        row[:length].tolist() for row, length in zip(output.token_ids, output.lengths, strict=True)
    ]


@pytest.mark.parametrize("options", [{}, {"stop_token_ids": [5, 6]}, {"batch_size": 2}])
def test_greedy_search_gives_the_same_tokens(engine, drafted, batch, options):
    fast, draft, _ = drafted
    options = {"limits": [30, 45, 20, 9], **options}
    expected = generate(engine, batch, **options)
    sampler = SpeculativeSampler(GREEDY, draft, 3)
    assert generate(fast, batch, sampler=sampler, **options) == expected


def test_a_step_gives_as_many_tokens_as_stay(drafted, batch):
    engine, draft, kind = drafted
    slots = engine.slots(2, sampler=SpeculativeSampler(GREEDY, draft, 3))  # as compiled above
    slots.submit(Request(batch[0][1], 64))
    slots.step(1)  # the prompt
    counts = []
    while slots.busy:
        counts += [len(progress.new_tokens) for progress in slots.step(1)]
    assert sum(counts) == 47
    if kind == "same":
        assert counts == [4] * 11 + [3]
    elif kind == "near":
        assert 1.3 < np.mean(counts) < 4
    assert max(counts) <= 4


@not_tensorflow
def test_up_to_the_last_place_of_the_model():
    """From 100 tokens to the model's 300, and a row that goes on when the first is done."""
    model = TinyModel(num_layers=1)
    batch = np.random.default_rng(2).integers(0, 37, size=(2, 100)), np.array([100, 5])
    engine = Engine(model)
    expected = generate(engine, batch, limits=[300, 230])
    lookup = PromptLookup(adaptive=False)
    for fast, draft in ((engine, lookup), (engine.with_draft(model), ModelDraft())):
        sampler = SpeculativeSampler(GREEDY, draft, 5)
        assert generate(fast, batch, limits=[300, 230], sampler=sampler) == expected


@pytest.mark.parametrize("drafted", ["lookup", "near"], indirect=True)
def test_transforms_see_the_guesses(engine, drafted, batch):
    fast, draft, _ = drafted
    transforms = [samplers.RepetitionPenalty(1.3), samplers.NoRepeatNGrams(2)]
    greedy = samplers.GreedySampler(transforms=transforms)
    expected = generate(engine, batch, limits=45, sampler=greedy)
    sampler = SpeculativeSampler(greedy, draft, 3)
    assert generate(fast, batch, limits=45, sampler=sampler) == expected
    assert expected != generate(engine, batch, limits=45)


def test_a_row_depends_on_nothing_but_itself(drafted, batch):
    engine, draft, _ = drafted
    sampler = SpeculativeSampler(samplers.TopKSampler(k=5, temperature=2.0), draft, 3)
    together = generate(engine, batch, limits=40, sampler=sampler, seed=3)
    assert generate(engine, batch, limits=40, sampler=sampler, seed=3, batch_size=2) == together
    alone = generate(engine, (batch[0][:1], batch[1][:1]), limits=40, sampler=sampler, seed=3)
    assert alone == together[:1]
    assert generate(engine, batch, limits=40, sampler=sampler, seed=4) != together


def test_lookup_gives_the_sampled_tokens_that_come_without_it(engine, batch):
    sampler = samplers.TopPSampler(p=0.9, transforms=[samplers.RepetitionPenalty(0.8)], seed=3)
    expected = generate(engine, batch, limits=60, sampler=sampler)
    lookup = SpeculativeSampler(sampler, PromptLookup(adaptive=False), 3)
    assert generate(engine, batch, limits=60, sampler=lookup) == expected


def chi_square_fits(counts, probabilities):
    """Whether counts are what the probabilities would give, but for one case in 100,000."""
    expected = probabilities * counts.sum()
    assert not counts[probabilities == 0].any()
    order = np.argsort(expected)
    groups = np.cumsum(expected[order]) // 10  # each with 10 expected at least, about
    counts, expected = (np.bincount(groups.astype(int), t[order]) for t in (counts, expected))
    counts, expected = counts[expected > 0], expected[expected > 0]
    degrees = len(counts) - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    # Wilson and Hilferty's approximation of the quantile.
    third = 2 / (9 * degrees)
    return degrees > 20 and statistic < degrees * (1 - third + 4.265 * np.sqrt(third)) ** 3


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


VOCABULARY, NEW = 4, 4


@pytest.fixture(scope="module")
def small():
    """A model of four tokens, and the logits after a prompt and all that can follow it."""
    model = TinyModel(vocabulary_size=VOCABULARY, max_sequence_length=40, num_layers=1)
    prompt = [1, 0, 1, 0, 1]
    endings = np.stack(np.meshgrid(*[range(VOCABULARY)] * NEW, indexing="ij"), -1).reshape(-1, NEW)
    rows = np.concatenate([np.tile(prompt, (len(endings), 1)), endings], axis=1)
    logits = ops.convert_to_numpy(model(ops.convert_to_tensor(rows.astype("int32"))))
    return model, prompt, endings, logits[:, len(prompt) - 1 : -1]


@pytest.mark.parametrize("kind", ["lookup", "model"])
@pytest.mark.parametrize("k", [VOCABULARY, 3])
def test_the_distribution_is_the_model_s_own(small, kind, k):
    model, prompt, endings, logits = small
    logits = logits / 4.0
    least = np.sort(logits, axis=-1)[..., -k, None]
    chances = softmax(np.where(logits >= least, logits, -np.inf))
    exact = np.take_along_axis(chances, endings[..., None], axis=-1)[..., 0].prod(axis=1)
    count = 4000
    engine, draft = Engine(model), PromptLookup(ngram=2, adaptive=False)
    if kind == "model":
        draft = ModelDraft()
        other = TinyModel(vocabulary_size=VOCABULARY, max_sequence_length=40, num_layers=1, seed=5)
        engine = engine.with_draft(other)
    sampler = SpeculativeSampler(samplers.TopKSampler(k=k, temperature=4.0), draft, 2)
    tokens = generate(
        engine,
        (np.tile(prompt, (count, 1)), np.full(count, len(prompt))),
        limits=len(prompt) + NEW,
        sampler=sampler,
        seed=1,
    )
    made = np.array(tokens)[:, len(prompt) :]
    counts = np.bincount(made @ VOCABULARY ** np.arange(NEW)[::-1], minlength=len(endings))
    assert chi_square_fits(counts.astype(float), exact)


def test_lookup_guesses_what_followed_the_same_tokens():
    def guess(row, count=4):
        tokens = np.zeros((1, 16), "int32")
        tokens[0, : len(row)] = row
        tokens, length = ops.convert_to_tensor(tokens), ops.array([len(row)], dtype="int32")
        numbers = ops.zeros((1, count))
        rows = Rows(tokens, None, None, length, None, None, None, None)
        guesses, _, _ = PromptLookup().guess(None, None, rows, (), length - 1, numbers)
        guesses = ops.convert_to_numpy(guesses)[0].tolist()
        assert PromptLookup().foretell(np.array(row), count).tolist() == guesses
        return guesses

    assert guess([1, 2, 3, 4, 5, 6, 1, 2, 3]) == [4, 5, 6, 1]
    assert guess([9, 3, 7, 8, 3, 5, 6, 4, 3]) == [5, 6, 4, 3]  # of equals the last
    assert guess([2, 3, 7, 8, 3, 5, 6, 2, 3]) == [7, 8, 3, 5]  # but first of all the longest
    assert guess([7, 1, 2, 1, 2]) == [1, 2, 1, 2]  # round and round
    assert guess([1, 2, 3, 0]) == [0, 0, 0, 0]  # nothing found, not even what fills it up
    assert guess([5, 5]) == [5, 5, 5, 5]
    assert guess([5]) == [5, 5, 5, 5]
    for row in np.random.default_rng(0).integers(0, 2, size=(12, 16)):
        guess(row.tolist())


def test_guesses_settle_by_their_chances():
    """Those that were too likely are dropped, and their place is filled with what was too rare."""
    wanted, had = np.array([0.5, 0.2, 0.3, 0.0]), np.array([0.2, 0.2, 0.1, 0.5])
    count = 20000
    random = np.random.default_rng(0)
    guesses = random.choice(4, p=had, size=(count, 1)).astype("int32")
    staying, last = settle(
        ops.convert_to_tensor(np.tile(wanted, (count, 2, 1)).astype("float32")),
        ops.convert_to_tensor(np.tile(had, (count, 1, 1)).astype("float32")),
        ops.convert_to_tensor(guesses),
        ops.convert_to_tensor(random.random((count, 2, 2), "float32")),
    )
    staying, last = ops.convert_to_numpy(staying), ops.convert_to_numpy(last)
    assert abs(staying.mean() - np.minimum(wanted, had).sum()) < 0.01
    first = np.where(staying == 1, guesses[:, 0], last)
    np.testing.assert_allclose(np.bincount(first, minlength=4) / count, wanted, atol=0.012)
    np.testing.assert_allclose(
        np.bincount(last[staying == 1], minlength=4) / staying.sum(), wanted, atol=0.015
    )


@pytest.mark.backends("jax")  # torch compiles nothing, TensorFlow as often
def test_one_program_more():
    model = TinyModel(num_layers=1)
    engine = Engine(model).with_draft(model)

    def count(limit, k=2):
        sampler = SpeculativeSampler(samplers.TopKSampler(k=5, temperature=1 / k), ModelDraft(), k)
        engine.generate([[3, 4, 5]], [3], limits=limit, sampler=sampler)
        return engine.compilations

    assert count(9) == 2
    assert count(100) == 2
    assert count(9, k=3) == 3
    assert count(200) == 4  # a larger cache
    assert count(300) == 6  # the largest, and one token at a time at its end


def test_texts_with_a_draft(task):
    backbone = GPT2Backbone(
        vocabulary_size=task.backbone.config.vocabulary_size,
        num_layers=1,
        num_heads=2,
        hidden_dim=8,
        max_sequence_length=MAXIMUM,
    )
    options = {"max_new_tokens": [20, 3, 9], "stop_token_ids": None}
    expected = task.generate(TEXTS, **options)
    for draft in ("prompt_lookup", GPT2CausalLM(backbone)):
        assert task.generate(TEXTS, draft=draft, **options) == expected
        pieces = task.generate(TEXTS, draft=draft, draft_tokens=3, stream=True, **options)
        assert ["".join(row) for row in zip(*pieces, strict=True)] == expected
    stop = expected[0][-4:-2]
    assert task.generate(
        TEXTS, draft="prompt_lookup", stop_strings=stop, **options
    ) == task.generate(TEXTS, stop_strings=stop, **options)


class SecondBest(samplers.Sampler):
    def get_next_token(self, probabilities):
        return ops.top_k(probabilities, 2)[1][:, 1]


class Changed(samplers.TopKSampler):
    def choose(self, logits, uniforms):
        return super().choose(-logits, uniforms)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": "beam"}, "can't be sped up by a draft"),
        ({"sampler": "contrastive"}, "can't be sped up"),
        ({"sampler": SecondBest()}, "can't be sped up"),
        ({"sampler": Changed()}, "can't be sped up"),
        ({"draft": "prompt"}, "expected 'prompt_lookup' or a model"),
        ({"draft_tokens": 0}, "draft_tokens is 0"),
    ],
)
def test_what_cannot_be_drafted(task, options, message):
    with pytest.raises(GenerationError, match=message):
        task.generate(TEXTS, **{"draft": "prompt_lookup", **options})


def test_a_draft_must_fit(task):
    def draft(**sizes):
        sizes = {"vocabulary_size": task.backbone.config.vocabulary_size, **sizes}
        return GPT2CausalLM(GPT2Backbone(num_layers=1, num_heads=1, hidden_dim=4, **sizes))

    with pytest.raises(GenerationError, match="vocabulary of 9 tokens"):
        task.generate(TEXTS, draft=draft(vocabulary_size=9))
    with pytest.raises(GenerationError, match="40 positions are asked for, but the draft has 39"):
        task.generate(TEXTS, draft=draft(max_sequence_length=39))
