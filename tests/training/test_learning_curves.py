import builtins

import keras
import numpy as np
import pytest

from hornbook.errors import BackendError, DataError
from hornbook.training import learning_curves, plot_history

CURVES = {"loss": [4.0, 2.0], "val_loss": [4.1, 2.5], "perplexity": [54.0, 5.0]}


@pytest.fixture
def panels(monkeypatch):
    """The panels that are drawn: title -> axes."""
    figure = pytest.importorskip("matplotlib.figure")
    drawn = {}
    draw = learning_curves._draw

    def keep(axes, name, lines):
        draw(axes, name, lines)
        drawn[name] = axes

    monkeypatch.setattr(learning_curves, "_draw", keep)
    assert figure
    return drawn


def test_each_metric_has_a_panel_with_its_validation(panels, tmp_path):
    path = plot_history(CURVES, tmp_path / "deep" / "curve.png", title="A run")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert set(panels) == {"loss", "perplexity"}
    training, validation = panels["loss"].get_lines()
    np.testing.assert_array_equal(training.get_ydata(), CURVES["loss"])
    np.testing.assert_array_equal(validation.get_ydata(), CURVES["val_loss"])
    assert (panels["loss"].get_yscale(), panels["perplexity"].get_yscale()) == ("linear", "log")


def test_what_fit_returns_and_what_it_logs_draw_the_same(panels, tmp_path):
    log = tmp_path / "log.csv"
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse")
    history = model.fit(
        np.ones((2, 1)), np.ones((2, 1)), epochs=3, verbose=0,
        callbacks=[keras.callbacks.CSVLogger(log)],
    )  # fmt: skip
    drawn = []
    for source in (history, log):
        plot_history(source, tmp_path / "curve.svg")
        drawn.append(panels["loss"].get_lines()[0].get_ydata())
    np.testing.assert_allclose(drawn[0], drawn[1])


def test_an_empty_history_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no epoch"):
        plot_history({}, tmp_path / "curve.png")


def test_missing_matplotlib_is_one_sentence_with_the_command(tmp_path, monkeypatch):
    def refuse(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *rest)

    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(BackendError, match=r"pip install 'hornbook\[plot\]'"):
        plot_history(CURVES, tmp_path / "curve.png")
    assert not (tmp_path / "curve.png").exists()
