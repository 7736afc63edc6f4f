"""Writes hornbook's model of a config.json or a GGUF file as a folder in Hugging Face's format.

`config` has `model`, `gguf` (or None: then the weights are random), `dtype` and `target`.
"""

from pathlib import Path
from typing import Any

from .measure import Run, timed


def prepare(config: dict[str, Any]) -> Run:
    """A round writes the folder."""
    target = Path(config["target"])

    def write() -> None:
        from hornbook.models import CausalLM

        model = CausalLM.from_preset(
            config["gguf"] or config["model"],
            load_weights=config["gguf"] is not None,
            preprocessor=None,
            dtype=config["dtype"],
        )
        model.save_to_preset(target)

    def run() -> dict[str, float]:
        seconds, _ = timed(write)
        files = target.glob("*.safetensors")
        return {"seconds": seconds, "bytes": sum(path.stat().st_size for path in files)}

    return run
