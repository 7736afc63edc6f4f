"""Time of a training step of the notebook's GPT: hornbook beside KerasHub and two forms by hand.

All contenders are processes of their own that take turns in one run; medians and ratios are shown.
KerasHub's environment is made by `make peers`; it is left out, with a remark, where there is none.

    python benchmarks/train.py [--layers 2] [--heads 3] [--batch 32] [--dtype float32]
        [--backends jax torch tensorflow] [--rounds 5] [--seed 0] [--json train.json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / ".venv-kerashub/bin/python"
# In the notebook's own form, hornbook has Keras's loss and model; in its own, the loss makes the
# logits piece by piece.
LIBRARIES = ("kerashub", "hornbook notebook", "hornbook")
BY_HAND = {"jax": ["plain jax"], "torch": ["plain torch", "plain torch compiled"], "tensorflow": []}


class Contender:
    """A process that trains on request."""

    def __init__(self, library: str, backend: str, config: dict) -> None:
        self.name = library if library.startswith("plain") else f"{library}, {backend}"
        python = str(PEERS) if library == "kerashub" else sys.executable
        config = {**config, "library": library}
        environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [python, str(HERE / "peers/notebook_gpt.py"), json.dumps(config)],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.rounds: list[dict[str, float]] = []
        self._answer("ready")

    def run(self) -> None:
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        self.rounds.append(json.loads(self._answer("{")))

    def _answer(self, start: str) -> str:
        for line in self.process.stdout:
            if line.startswith(start):
                return line
        raise SystemExit(f"{self.name} stopped without an answer")

    def result(self) -> dict[str, object]:
        self.process.stdin.close()
        self.process.wait()
        seconds = statistics.median(done["seconds"] for done in self.rounds)
        last = {k: v for k, v in self.rounds[-1].items() if k != "seconds"}
        return {"name": self.name, "milliseconds": 1000 * seconds, **last}


def measure(arguments: argparse.Namespace, backend: str) -> list[dict[str, object]]:
    config = {
        "layers": arguments.layers, "heads": arguments.heads, "batch": arguments.batch,
        "dtype": arguments.dtype, "steps": arguments.steps, "width": 256, "length": 128,
        "vocabulary": 5000, "seed": arguments.seed,
    }  # fmt: skip
    libraries = [name for name in (*LIBRARIES, *BY_HAND[backend]) if _is_there(name)]
    contenders = [Contender(library, backend, config) for library in libraries]
    for _ in range(arguments.rounds):
        for contender in contenders:
            contender.run()
    return [contender.result() for contender in contenders]


def _is_there(library: str) -> bool:
    if library != "kerashub" or PEERS.exists():
        return True
    print("KerasHub is left out; `make peers` installs it", file=sys.stderr)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (
        ("layers", 2),
        ("heads", 3),
        ("batch", 32),
        ("steps", 4),
        ("rounds", 5),
        ("seed", 0),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--dtype", default="float32", choices=("float32", "mixed_bfloat16"))
    parser.add_argument("--backends", nargs="+", default=["jax", "torch", "tensorflow"])
    parser.add_argument("--json", type=Path, help="write the results here as well")
    arguments = parser.parse_args()
    results = {}
    for backend in arguments.backends:
        rows = results[backend] = measure(arguments, backend)
        base = rows[0]["milliseconds"]
        print(f"\n{backend}, {arguments.dtype}, {arguments.layers} layers, batch {arguments.batch}")
        for row in rows:
            time = row["milliseconds"]
            speed = f"{base / time:5.2f}x"
            print(f"  {row['name']:30}{time:8.0f} ms  {speed}  loss {row['loss']:.4f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
