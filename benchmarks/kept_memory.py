"""What does it gain that freed memory is kept? One encoder, glibc's way and ours in turns.

BERT base's shape; a batch of 32 texts of 128 tokens, or with --train a step of 16 of them. Linux
with glibc only.

    KERAS_BACKEND=torch python benchmarks/kept_memory.py [--rounds 5] [--dtype float32] [--train]
"""

import argparse
import ctypes
import resource
import statistics
import time
from collections.abc import Callable

from hornbook.allocator import M_MMAP_MAX, M_TRIM_THRESHOLD, keep_freed_memory

# isort: split
import keras
import numpy as np

from hornbook.models import BertBackbone, BertTextClassifier

VOCABULARY = 30522
GLIBC = {M_MMAP_MAX: 65536, M_TRIM_THRESHOLD: 128 * 1024}


def give_memory_back() -> None:
    libc = ctypes.CDLL(None)
    for option, value in GLIBC.items():
        libc.mallopt(option, value)
    libc.malloc_trim(0)


def prepare(dtype: str, train: bool) -> Callable[[], object]:
    rows = 16 if train else 32
    ids = np.random.default_rng(0).integers(1, VOCABULARY, (rows, 128)).astype("int32")
    x = {"token_ids": ids, "padding_mask": np.ones_like(ids), "segment_ids": np.zeros_like(ids)}
    backbone = BertBackbone(vocabulary_size=VOCABULARY, dtype=dtype)
    if not train:
        return lambda: backbone.predict_on_batch(x)
    model = BertTextClassifier(backbone, num_classes=2)
    model.compile(optimizer=keras.optimizers.Adam(1e-5))
    return lambda: model.train_on_batch(x, ids[:, 0] % 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--train", action="store_true")
    given = parser.parse_args()
    run = prepare(given.dtype, given.train)
    ways = {"glibc": give_memory_back, "kept": keep_freed_memory}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    faults: dict[str, list[int]] = {name: [] for name in ways}
    for number in range(given.rounds + 1):
        for name, choose in ways.items():
            choose()
            run()  # what is kept has to be there first
            pages, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
            run()
            if number:  # the first one compiles
                seconds[name].append(time.perf_counter() - start)
                faults[name].append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages)
    for name in ways:
        taken, pages = statistics.median(seconds[name]), statistics.median(faults[name])
        print(f"{keras.backend.backend():10} {name:6} {taken:7.2f} s {pages:9.0f} pages")


if __name__ == "__main__":
    main()
