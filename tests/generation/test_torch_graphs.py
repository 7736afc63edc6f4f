"""Graphs of recorded calls: whose memory holds what. Python repeats the calls here, not CUDA."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("torch's driver", allow_module_level=True)

import torch

from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.generation import Engine, Request
from hornbook.generation.drivers import torch as driver
from hornbook.generation.drivers.torch_graphs import MAX_GRAPHS, Graph, Graphs

PROMPTS, LENGTHS = [[3, 4, 5, 0], [7, 0, 0, 0], [9, 8, 7, 6]], [3, 1, 4]
SAMPLERS = [
    samplers.GreedySampler(),
    samplers.RandomSampler(seed=5, temperature=0.8),
    samplers.BeamSampler(2),
    samplers.ContrastiveSampler(2),
]


@pytest.fixture
def launch(monkeypatch):
    """Lets engines launch graphs from then on; gives those that are captured."""

    def start(repeat=lambda work: work):
        captured = []

        def capture(work):
            captured.append(work)
            return repeat(work)

        monkeypatch.setattr(driver, "cuda_capture", lambda: capture)
        monkeypatch.setattr(driver.TorchProgram, "_on", lambda program, kind: kind == "cuda")
        return captured

    return start


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: type(sampler).__name__)
@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_tokens_are_those_of_recordings(launch, sampler, batch_size):
    options = {"limits": [40, 150, 20], "sampler": sampler, "batch_size": batch_size}
    expected = Engine(TinyModel()).generate(PROMPTS, LENGTHS, **options)
    graphs, own = launch(), Engine(TinyModel())
    for _ in range(2):  # the second time in memory that the first one has used
        found = own.generate(PROMPTS, LENGTHS, **options)
        np.testing.assert_array_equal(found.token_ids, expected.token_ids)
    assert graphs


def test_a_second_generation_captures_nothing(launch):
    graphs, engine = launch(), Engine(TinyModel())
    engine.generate([[3, 4]], [2], limits=30)
    count = len(graphs)
    engine.generate([[9, 8]], [2], limits=30)
    assert len(graphs) == count == 1


def test_streams_side_by_side(launch):
    engine, options = Engine(TinyModel()), {"limits": 40, "seed": 3, "sampler": "random"}
    expected = [
        engine.generate([row], [3], **options).token_ids[0, 3:] for row in ([3, 4, 5], [9] * 3)
    ]
    graphs, own = launch(), Engine(TinyModel())
    streams = [own.stream([row], [3], **options) for row in ([3, 4, 5], [9] * 3)]
    made = [[], []]
    for steps in zip(*streams, strict=True):
        for tokens, step in zip(made, steps, strict=True):
            tokens.append(int(step.tokens[0]))
    assert made == [row.tolist() for row in expected]
    assert len(graphs) == 2  # each in memory of its own


def test_numbers_of_the_sampler_are_given_anew(launch):
    def tokens(engine):
        drawn = [samplers.RandomSampler(seed=5, temperature=number) for number in (0.1, 5.0)]
        options = [{"limits": 30, "sampler": sampler} for sampler in drawn]
        return [engine.generate(PROMPTS, LENGTHS, **each).token_ids.tolist() for each in options]

    expected = tokens(Engine(TinyModel()))
    graphs = launch()
    assert tokens(Engine(TinyModel())) == expected
    assert len(graphs) == 1


def test_requests_that_come_and_are_cancelled(launch):
    def run(engine):
        slots, made = engine.slots(2), {}
        requests = [Request(np.arange(length), limit=20 + length) for length in (3, 5, 4, 2)]
        for request in requests:
            slots.submit(request)
        for turn in range(40):
            if turn == 5:
                slots.cancel(requests[0])
            for progress in slots.step(2):
                tokens = progress.results.tokens[: progress.results.lengths]
                made[len(progress.request.token_ids)] = tokens.tolist()
        return made

    expected = run(Engine(TinyModel()))
    graphs = launch()
    assert run(Engine(TinyModel())) == expected
    assert graphs


def test_exchanged_weights_are_captured_anew(launch):
    launch()
    model = TinyModel()
    engine = Engine(model)
    before = engine.generate([[3, 4, 5]], [3], limits=30).token_ids.tolist()
    for variable in model.variables:
        variable._value = torch.nn.Parameter(variable.value.detach().flip(0))
    after = engine.generate([[3, 4, 5]], [3], limits=30).token_ids.tolist()
    assert after != before
    assert after == Engine(model).generate([[3, 4, 5]], [3], limits=30).token_ids.tolist()


def test_calls_that_no_graph_can_make(launch):
    def refuse(work):
        raise RuntimeError("operation not permitted when stream is capturing")

    options = {"limits": [40, 150, 20], "sampler": samplers.RandomSampler(seed=5)}
    expected = Engine(TinyModel()).generate(PROMPTS, LENGTHS, **options)
    tried = launch(refuse)
    found = Engine(TinyModel()).generate(PROMPTS, LENGTHS, **options)
    np.testing.assert_array_equal(found.token_ids, expected.token_ids)
    assert len(tried) == 1


def test_an_output_that_is_a_view_of_what_changes():
    def swap(inputs):
        first, second = inputs
        return [second[:], first[:]]

    graph = Graph(swap, [torch.zeros(2), torch.ones(2)], 2, lambda work: work)
    graph.replay()
    assert [tensor.tolist() for tensor in graph.lend()] == [[1.0, 1.0], [0.0, 0.0]]


def test_memory_is_lent_until_it_is_let_go():
    def add(inputs):
        return [inputs[0] + inputs[1]]

    graphs = Graphs(lambda work: work)

    def run(*inputs):
        graph = graphs.loaded("key", add, [torch.tensor([float(x)]) for x in inputs], range(1, 1))
        graph.replay()
        return graph

    first = run(1, 10)
    (lent,) = first.lend()
    second = run(2, 20)
    kept = second.lend()
    assert second is not first
    assert lent.tolist() == [11.0]
    assert graphs.loaded("key", add, [lent, torch.tensor([5.0])], range(1, 1)) is first
    first.replay()
    assert lent.tolist() == [16.0]
    del lent
    assert run(3, 30) is first
    assert [tensor.tolist() for tensor in kept] == [[22.0]]
    for number in range(2 * MAX_GRAPHS):
        graphs.loaded(number, add, [torch.zeros(1), torch.zeros(1)], range(1, 1))
    assert len(graphs._graphs) == MAX_GRAPHS
