"""How do time and memory grow with the length of a text? A window, all with all, transformers.

Two layers of Longformer base (width 768, 12 heads, windows of 512), the first token with global
attention, one text of random tokens; forward passes in float32. Each measurement is a process of
its own, after a pass that compiles: processor seconds, the least of the runs, since others may use
the machine; and by how much the passes raise the process's memory at its peak. Linux only.

    KERAS_BACKEND=torch python benchmarks/sliding_window.py [--lengths 512 1024 ...] [--runs 2]
"""

import argparse
import ctypes
import gc
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIZES = {"num_layers": 2, "hidden_dim": 768, "num_heads": 12, "intermediate_dim": 3072}
VOCABULARY, WINDOW = 1000, 512
LENGTHS = [512, 1024, 2048, 4096, 8192, 16384]


def window(length: int) -> Callable[[], object]:
    """Hornbook's attention to a window."""
    from hornbook.models import LongformerBackbone

    model = LongformerBackbone(
        **SIZES, vocabulary_size=VOCABULARY, max_sequence_length=max(LENGTHS),
        attention_window=(WINDOW,),
    )  # fmt: skip
    return _forward(model, {"global_positions": np.zeros((1, 1), "int32")}, length)


def everything(length: int) -> Callable[[], object]:
    """Hornbook's attention of all tokens to all."""
    from hornbook.models import RobertaBackbone

    sizes = {**SIZES, "vocabulary_size": VOCABULARY, "max_sequence_length": max(LENGTHS)}
    return _forward(RobertaBackbone(**sizes), {}, length)


def _forward(model: object, more: dict[str, np.ndarray], length: int) -> Callable[[], object]:
    def inputs(tokens: int) -> dict[str, np.ndarray]:
        ids = np.random.default_rng(0).integers(5, VOCABULARY, (1, tokens)).astype("int32")
        return {"token_ids": ids, "padding_mask": np.ones_like(ids), **more}

    model.predict_on_batch(inputs(WINDOW // 2))
    return lambda: model.predict_on_batch(inputs(length))


def transformers(length: int) -> Callable[[], object]:
    """transformers' Longformer."""
    import torch
    from transformers import LongformerConfig, LongformerModel

    torch.set_grad_enabled(False)
    config = LongformerConfig(
        num_hidden_layers=SIZES["num_layers"], hidden_size=768, num_attention_heads=12,
        intermediate_size=3072, vocab_size=VOCABULARY, attention_window=WINDOW,
        max_position_embeddings=max(LENGTHS) + 2, type_vocab_size=1, pad_token_id=1,
    )  # fmt: skip
    model = LongformerModel(config).eval()

    def run(tokens: int) -> object:
        ids = torch.randint(5, VOCABULARY, (1, tokens))
        is_global = torch.zeros_like(ids)
        is_global[:, 0] = 1
        return model(ids, torch.ones_like(ids), is_global)

    run(WINDOW // 2)
    return lambda: run(length)


MODELS = {"window": window, "everything": everything, "transformers": transformers}


def measure(name: str, length: int, runs: int) -> None:
    """Prints processor seconds and MiB, in this process."""
    run = MODELS[name](length)
    run()  # which compiles
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # gives back what is free
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to what is there now
    before = _mebibytes("VmRSS")
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    print(min(seconds), _mebibytes("VmHWM") - before)


def _mebibytes(field: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "LENGTH"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        measure(given.one[0], int(given.one[1]), given.runs)
        return
    for length in given.lengths:
        for name in given.models:
            own = ["--one", name, str(length), "--runs", str(given.runs)]
            done = subprocess.run(
                [sys.executable, __file__, *own], capture_output=True, text=True, check=True
            )
            seconds, mebibytes = map(float, done.stdout.split()[-2:])
            print(f"{length:6} {name:14} {seconds:8.3f} s {mebibytes:8.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
