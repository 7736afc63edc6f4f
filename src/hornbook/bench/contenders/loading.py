"""Loading a model of Hugging Face's format from a folder, once in a process.

`config` has `library`, `model` (the folder) and `dtype`. A load counts from after the imports until
every weight is in memory; what others put off is asked for. `over_weights` is the peak of resident
memory beyond that of the imports, as a multiple of the weights' size.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .measure import Run, peak_memory, timed

STATUS = Path("/proc/self/status")
FORGET_PEAK = Path("/proc/self/clear_refs")


def prepare(config: dict[str, Any]) -> Run:
    """Imports what loading needs; a round loads."""
    load = {"hornbook": _hornbook, "kerashub": _kerashub, "transformers": _transformers}[
        config["library"]
    ](config)
    size = sum(path.stat().st_size for path in Path(config["model"]).glob("*.safetensors"))

    def run() -> dict[str, float]:
        before = _forget_peak()
        seconds, model = timed(load)
        peak = _resident("VmHWM") if STATUS.exists() else peak_memory()["memory"]
        del model
        return {"seconds": seconds, "over_weights": (peak - before) / size}

    return run


def _forget_peak() -> float:
    """Lets the peak count from here, where Linux is asked; gives the memory before."""
    if not STATUS.exists():
        return peak_memory()["memory"]
    FORGET_PEAK.write_text("5")
    return _resident("VmRSS")


def _resident(name: str) -> float:
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) * 1024.0 for line in lines if line.startswith(name))


def _hornbook(config: dict[str, Any]) -> Callable[[], Any]:
    import hornbook.checkpoints.loading  # noqa: F401 - imported by the first load
    from hornbook.models import CausalLM

    return _with_keras(CausalLM, config)


def _kerashub(config: dict[str, Any]) -> Callable[[], Any]:
    import keras_hub

    return _with_keras(keras_hub.models.CausalLM, config)


def _with_keras(loader: Any, config: dict[str, Any]) -> Callable[[], Any]:
    def load() -> Any:
        model = loader.from_preset(config["model"], preprocessor=None, dtype=config["dtype"])
        for weights in model.variables:  # JAX copies meanwhile
            getattr(weights.value, "block_until_ready", lambda: None)()
        return model

    return load


def _transformers(config: dict[str, Any]) -> Callable[[], Any]:
    from transformers import AutoModelForCausalLM

    def load() -> Any:
        model = AutoModelForCausalLM.from_pretrained(config["model"], dtype=config["dtype"])
        for weights in model.parameters():
            weights.detach().reshape(-1)[::1024].sum()  # a number of each page: files are mapped
        return model

    return load
