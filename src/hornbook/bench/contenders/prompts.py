"""The prompts that every contender continues."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Generate = Callable[[int], Any]
"""Continues the prompts by so many tokens and gives all of them: int [batch, prompt + new]."""


def prompts(config: dict[str, Any]) -> np.ndarray:
    """Random ids: int32 [batch, prompt]."""
    rng = np.random.default_rng(0)
    return rng.integers(1, config["vocabulary"], (config["batch"], config["prompt"])).astype(
        "int32"
    )


def padded(config: dict[str, Any], new: int) -> dict[str, np.ndarray]:
    """The prompts in the width of the result, as Keras's libraries want them."""
    missing = ((0, 0), (0, new))
    ids = prompts(config)
    return {"token_ids": np.pad(ids, missing), "padding_mask": np.pad(np.ones_like(ids), missing)}


def read_config(config: dict[str, Any]) -> dict[str, Any]:
    """The model's config.json."""
    return dict(json.loads((Path(config["model"]) / "config.json").read_text("utf-8")))
