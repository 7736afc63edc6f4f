"""Time and memory to load a model: hornbook beside transformers, on the same folders.

Each load runs in a process of its own, alternating, and counts from after the imports until every
weight is in memory (transformers maps the file and reads nothing: its pages are touched). Memory is
the peak of resident pages beyond those of the imports, as a multiple of the weights' size.

    python benchmarks/load.py [--rounds 5] [--json load.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import json, sys, time
loader, folder = sys.argv[1:]

def resident(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(field))

if loader == "transformers":
    from transformers import AutoModelForCausalLM
    def load():
        model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
        for weights in model.parameters():
            weights.detach().reshape(-1)[::1024].sum()  # a number of each page
        return model
else:
    from hornbook.models import CausalLM
    import hornbook.checkpoints.loading
    def load():
        model = CausalLM.from_preset(folder, preprocessor=None, dtype="float32")
        for weights in model.variables:
            getattr(weights.value, "block_until_ready", lambda: None)()  # JAX copies meanwhile
        return model
open("/proc/self/clear_refs", "w").write("5")  # the peak counts from here
before, start = resident("VmRSS"), time.perf_counter()
model = load()
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "peak": resident("VmHWM") - before}))
"""
LOADERS = {
    "transformers": {},
    "hornbook, jax": {"KERAS_BACKEND": "jax"},
    "hornbook, torch": {"KERAS_BACKEND": "torch"},
    "hornbook, tensorflow": {"KERAS_BACKEND": "tensorflow"},
}


def prepare(folder: Path) -> dict[str, Path]:
    """SmolLM2 as a Hugging Face folder, and a random model of GPT-2's shape."""
    import keras

    from hornbook.models import CausalLM, GPT2Backbone, GPT2CausalLM

    keras.utils.set_random_seed(0)
    folders = {"SmolLM2 135M": folder / "smollm2", "GPT-2 124M": folder / "gpt2"}
    CausalLM.from_preset("smollm2_135m_instruct_q4_1").save_to_preset(folders["SmolLM2 135M"])
    GPT2CausalLM(GPT2Backbone()).save_to_preset(folders["GPT-2 124M"])
    return folders


def load_once(loader: str, folder: Path) -> dict[str, float]:
    environment = {**os.environ, **LOADERS[loader], "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, loader, str(folder)],
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(folders: dict[str, Path], rounds: int) -> list[dict[str, object]]:
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(rounds):
        for model, folder in folders.items():
            for loader in LOADERS:
                runs.setdefault((model, loader), []).append(load_once(loader, folder))
    rows = []
    for (model, loader), results in runs.items():
        size = (folders[model] / "model.safetensors").stat().st_size
        rows.append({
            "model": model,
            "loader": loader,
            "seconds": statistics.median(run["seconds"] for run in results),
            "peak_over_weights": statistics.median(run["peak"] for run in results) / size,
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the results here as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(prepare(Path(folder)), arguments.rounds)
    base = {row["model"]: row["seconds"] for row in rows if row["loader"] == "transformers"}
    print(f"{'model':14}{'loader':22}{'seconds':>9}{'ratio':>8}{'peak/weights':>14}")
    for row in rows:
        ratio = row["seconds"] / base[row["model"]]
        print(
            f"{row['model']:14}{row['loader']:22}{row['seconds']:9.2f}{ratio:8.2f}"
            f"{row['peak_over_weights']:14.2f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
