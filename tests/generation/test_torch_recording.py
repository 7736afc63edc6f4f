"""Recorded calls of torch, made again on other tensors."""

import keras
import pytest

if keras.backend.backend() != "torch":
    pytest.skip("torch's driver", allow_module_level=True)

import numpy as np
import torch

from generation.tiny_decoder import TinyModel
from hornbook import samplers
from hornbook.generation import Engine
from hornbook.generation.drivers import torch as driver
from hornbook.generation.drivers.torch_recording import NotRecordableError, Recorder
from hornbook.generation.engine import PROMPT_SAMPLER


def replayed(function, first, second):
    """What the function makes of the second inputs, and what a recording on the first does."""
    with Recorder(first) as recorder:
        outputs = function(*first)
    return function(*[x.clone() for x in second]), recorder.recording(outputs)(second)


def both(*sizes):
    return ([torch.randn(size) for size in sizes] for _ in range(2))


def test_calls_with_lists_keywords_slices_and_properties():
    weight = torch.randn(4, 3)

    def function(x, y):
        x = torch.cat([x, y], dim=0)[1:, None].mT.reshape((-1, 4)) @ weight
        parts = torch.split(x.float().to("cpu"), 2, dim=0)
        top = torch.topk(parts[0], k=2, dim=1)
        return [torch.where(x > 0, x, 0), *top, parts[1].sum((0, 1))]

    expected, found = replayed(function, *both((2, 4), (3, 4)))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_a_single_part_and_parts_that_are_none():
    def function(x):
        (whole,) = torch.split(x, 9)
        top, _ = torch.max(whole, dim=0)
        outputs, _, _ = torch.native_batch_norm(whole, None, None, None, None, True, 0.1, 1e-5)
        return [top, outputs, whole + x]

    expected, found = replayed(function, *both((4, 3)))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_values_that_cannot_be_written_down():
    shape, nan = torch.Size([2]), float("nan")

    def function(x):
        return [torch.nn.functional.layer_norm(x, shape), torch.nan_to_num(x / 0, nan, 7.0)]

    expected, found = replayed(function, *both((3, 2)))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)


def test_tensors_are_freed_when_nothing_needs_them():
    x = first = torch.zeros(2)
    with Recorder([first]) as recorder:
        for _ in range(9):
            x = x + 1
    recording = recorder.recording([x])
    assert recording([first])[0].tolist() == [9.0, 9.0]
    assert recording.__code__.co_nlocals == 2  # the list of inputs and one name


def test_what_is_changed_in_place():
    table = torch.zeros(5)

    def function(cache, index, value):
        cache.index_copy_(0, index, value)
        cache[0] = 7.0
        cache += 1
        torch.add(cache, 1, out=table)
        return [cache, table.clone()]

    first, second = ([torch.randn(5), torch.tensor([i]), torch.randn(1)] for i in (2, 3))
    expected, found = replayed(function, first, [x.clone() for x in second])
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close(found[1], expected[1])


def test_equal_calls_are_made_once_while_nothing_changes():
    def function(cache, index):
        view = cache[1:]
        sums = []
        for value in range(3):
            for _ in range(2):
                slots = index[None] + torch.arange(1)
                sums.append(torch.add(view, 1) + view.add(1.0))
            cache.index_copy_(0, slots[0], torch.full((1,), float(value)))
        return [torch.stack(sums), cache]

    first, second = ([torch.randn(5), torch.tensor([i])] for i in (2, 3))
    with Recorder(first) as recorder:
        outputs = function(*first)
    recording = recorder.recording(outputs)
    expected = function(*[x.clone() for x in second])
    torch.testing.assert_close(recording(second), expected)
    names = [call.function.__name__ for call in recorder.calls]
    assert names.count("arange") == 1
    # Before each of the writes, which change what `view` shows, and not twice there.
    assert names.count("add") == 1 + 3 * (1 + 1 + 1)


def test_weights_are_used_where_they_are():
    weight = torch.ones(2)
    with Recorder([torch.zeros(2)]) as recorder:
        outputs = [weight * 3]
    weight.fill_(5.0)
    assert recorder.recording(outputs)([torch.zeros(2)])[0].tolist() == [15.0, 15.0]


@pytest.mark.parametrize(
    "look",
    [bool, float, torch.Tensor.item, torch.Tensor.tolist, lambda x: torch.arange(9)[: x.long()]],
)
def test_values_that_python_looks_at_are_refused(look):
    x = torch.tensor(3.0)
    with pytest.raises(NotRecordableError), Recorder([x]):
        look(x)


def test_exchanged_weights_are_seen():
    model = TinyModel()
    engine = Engine(model)
    prompt, options = [[3, 4, 5]], {"limits": 30}
    before = engine.generate(prompt, [3], **options).token_ids.tolist()
    for variable in model.variables:
        variable._value = torch.nn.Parameter(variable.value.detach().flip(0))
    after = engine.generate(prompt, [3], **options).token_ids.tolist()
    assert after != before
    assert after == Engine(model).generate(prompt, [3], **options).token_ids.tolist()


def test_a_sampler_from_elsewhere_is_called_for_every_token():
    class Counting(samplers.Sampler):
        calls = 0

        def get_next_token(self, probabilities):
            Counting.calls += 1
            return torch.argmax(probabilities, dim=-1)

    Engine(TinyModel()).generate([[3, 4, 5]], [3], limits=20, sampler=Counting())
    assert Counting.calls == 17


def test_calls_without_tensors_are_made_once():
    kept = []

    def function(x):
        kept.append(torch.arange(3))
        written = torch.zeros(3)
        written[1] = x[0]
        return [x + kept[-1] + torch.full((3,), 2.0), written, torch.ones(3)]

    expected, found = replayed(function, *both((3,)))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    with Recorder([torch.zeros(3)]) as recorder:
        outputs = function(recorder.made[0])
    recording = recorder.recording(outputs)
    assert not {"arange", "full"} & set(recording.__code__.co_names)
    called = [value.__name__ for value in recording.__globals__.values() if callable(value)]
    assert "arange" not in called
    assert {"zeros", "ones"} <= set(called)  # written to, and given away
    first, second = (recording([torch.zeros(3)]) for _ in range(2))
    first[2].fill_(7.0)
    assert second[2].tolist() == [1.0, 1.0, 1.0]


def test_prompts_are_recorded_while_they_are_short(monkeypatch):
    engine, random = Engine(TinyModel()), np.random.default_rng(0)
    program = engine._program(engine.model.variables, PROMPT_SAMPLER)
    options = {"limits": 220, "sampler": "random", "seed": 3}
    for lengths in ((3, 5), (5, 2), (40, 30), (200, 150)):
        table = random.integers(0, 37, (2, max(lengths)))
        found = engine.generate(table, lengths, **options).token_ids
        with monkeypatch.context() as patch:
            patch.setattr(driver, "RECORDED_TOKENS", 0)
            expected = Engine(TinyModel()).generate(table, lengths, **options).token_ids
        np.testing.assert_array_equal(found, expected)
    assert len(program._recordings) == 2  # two rows of 16 and of 64, and none of 256


def test_prompts_that_look_at_values_run_as_they_are():
    class Looking(TinyModel):
        def project(self, hidden):
            assert bool((hidden == hidden).all())
            return super().project(hidden)

    engine = Engine(Looking())
    expected = Engine(TinyModel()).generate([[3, 4]], [2], limits=20).token_ids
    for _ in range(2):
        np.testing.assert_array_equal(engine.generate([[3, 4]], [2], limits=20).token_ids, expected)
    assert not engine._program(engine.model.variables, PROMPT_SAMPLER)._recordings
