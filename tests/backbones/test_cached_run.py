"""Layers that keep only their window give what whole sequences give, however tokens are run."""

import numpy as np
import pytest
from keras import ops

from generation.windowed_decoder import VOCABULARY, WindowedModel
from hornbook.backbones.cached_run import ring_positions, window_slots

LENGTH, ROWS = 40, 3


def tensor(values):
    return ops.convert_to_tensor(np.asarray(values, "int32"))


class Rows:
    """Rows whose tokens are run with a cache, each compared with the whole sequence."""

    def __init__(self, model, slots, seed=0):
        self.random = np.random.default_rng(seed)
        self.model, self.slots = model, slots
        self.token_ids = self.random.integers(0, VOCABULARY, (ROWS, LENGTH)).astype("int32")
        self.whole = ops.convert_to_numpy(model.states(tensor(self.token_ids)))
        self.cache = model.init_cache(ROWS, slots)
        self.places = np.zeros(ROWS, int)

    def run(self, size, lengths=None, kept=None, begins=False, junk=False):
        """Runs `size` tokens a row; `lengths` are real, of which the row goes on behind `kept`."""
        known = np.full(ROWS, size) if lengths is None else np.clip(lengths, 0, size)
        tokens = self.random.integers(0, VOCABULARY, (ROWS, size)).astype("int32")
        for row, place in enumerate(self.places):
            count = min(known[row], len(self.token_ids[row]) - place)
            count = min(count, kept[row]) if junk else count
            tokens[row, :count] = self.token_ids[row, place : place + count]
        hidden, self.cache = self.model.call_with_cache(
            tensor(tokens), self.cache, None if begins else tensor(self.places),
            None if lengths is None else tensor(self.places + lengths),
        )  # fmt: skip
        assert [entry[0].shape[2] for entry in self.cache] == list(self.slots)
        steps = known if kept is None else kept
        hidden = ops.convert_to_numpy(hidden)
        assert np.isfinite(hidden).all()
        for row, (place, count) in enumerate(zip(self.places, steps, strict=True)):
            expected = self.whole[row, place : place + count]
            np.testing.assert_allclose(hidden[row, :count], expected, atol=2e-4)
        self.places = self.places + steps


MODELS = {
    "windows": {"windows": (3, None, 5)},
    "all": {"windows": (6, 4)},
    "alibi": {"windows": (4, None), "alibi": True},
    "one": {"windows": (1, 2)},
}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return WindowedModel(**MODELS[request.param])


def rings(model, room):
    """As few slots as each window needs, and `room`."""
    windows = [layer.attention.window for layer in model.assembly.layers]
    return tuple(LENGTH if window is None else window + room for window in windows)


@pytest.mark.parametrize("room", [0, 2])
@pytest.mark.parametrize("begins", [True, False])
def test_ragged_prompts_and_a_token_at_a_time(model, room, begins):
    """Padding is longer than the windows, and must not take the place of what they hold."""
    rows = Rows(model, rings(model, room))
    rows.run(16, lengths=np.array([1, 16, 7]), begins=begins)
    for _ in range(14):
        rows.run(1)


def test_prompts_in_pieces(model):
    """Some rows end before the last piece, which is all padding for them."""
    rows, lengths = Rows(model, rings(model, 0)), np.array([2, 29, 11])
    for start, size in ((0, 8), (8, 3), (11, 9), (20, 9)):
        places = np.minimum(rows.places, lengths)
        # As the engine does: a row that has ended stands behind its end.
        rows.places = np.full(ROWS, start)
        rows.run(size, lengths=lengths - start)
        rows.places = np.minimum(np.maximum(places, rows.places), lengths)
    for _ in range(11):
        rows.run(1)


@pytest.mark.parametrize("ahead", [1, 3])
def test_tokens_that_are_taken_back(model, ahead):
    """Each row keeps at least one token of a run, and others are run in place of the rest."""
    rows = Rows(model, rings(model, ahead))
    rows.run(9, lengths=np.array([9, 1, 4]))
    for step in range(9):
        kept = rows.random.integers(1, ahead + 2, ROWS)
        rows.run(ahead + 1, kept=kept, junk=True)
        if step % 3 == 2:
            rows.run(1)  # as when nothing is guessed for a step
    assert rows.places.max() <= LENGTH


def test_runs_of_any_length(model):
    """Longer than a ring has room for, they are kept as prompts are."""
    rows = Rows(model, rings(model, 1), seed=1)
    for size in (2, 1, 7, 2, 3, 9, 1, 1, 6, 2):
        rows.run(size)
    assert rows.places.max() == 34


def test_slots_that_cover_all_positions(model):
    """A capacity below the window, or the same, has a slot for each position."""
    slots = tuple(LENGTH for _ in model.assembly.layers)
    rows = Rows(model, slots)
    rows.run(16, lengths=np.array([1, 16, 7]), begins=True)
    for size in (1, 4, 1):
        rows.run(size)


def test_a_layer_keeps_its_window():
    model = WindowedModel((3, None, 20))
    assert model.cache_slots(500) == (8, 500, 24)
    assert model.cache_slots(500, ahead=5) == (8, 500, 32)
    assert model.cache_slots(10) == (8, 10, 10)
    cache = model.init_cache(2, 500)
    assert [keys.shape for keys, _ in cache] == [(2, 2, n, 6) for n in (8, 500, 24)]


def test_a_ring_holds_the_last_positions():
    for slots in (1, 3, 8):
        for end in range(20):
            held = np.full(slots, -1)
            for position in range(end):
                held[position % slots] = position
            found = ops.convert_to_numpy(ring_positions(tensor([end]), slots))[0]
            assert np.maximum(found, -1).tolist() == held.tolist()


def test_slots_are_rounded_up():
    for window in range(1, 40):
        for ahead in range(12):
            slots = window_slots(window, 1000, ahead)
            assert slots % 8 == 0
            assert window + ahead <= slots < window + ahead + 8
