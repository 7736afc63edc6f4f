"""Generation: hornbook's tokens a second beside KerasHub, transformers and loops by hand.

Contenders take turns in one run; each generates greedily with a model of random weights. Medians
are shown, and the ratio to the fastest peer.

    python benchmarks/decode.py [--shape gpt2] [--dtype float32] [--cells 1x32 8x32 1x512 8x512]
        [--contenders hornbook/jax transformers ...] [--rounds 3] [--json decode.json]
"""

import argparse
import json
import sys
from pathlib import Path

from contenders import Contender, has_kerashub, library_on, take_turns

ALL = (
    "hornbook/jax", "hornbook/torch", "hornbook/tensorflow", "kerashub/jax", "kerashub/torch",
    "kerashub/tensorflow", "transformers", "transformers compiled", "plain torch", "plain jax",
)  # fmt: skip
GPT2_ONLY = ("plain torch", "plain jax")


def start(name: str, config: dict) -> Contender:
    library, _, backend = name.partition("/")
    if backend:
        return library_on(library, backend, "decoders.py", config)
    return Contender(name, "decoders.py", {**config, "library": name})


def measure(arguments: argparse.Namespace, cell: str) -> list[dict[str, object]]:
    batch, prompt = map(int, cell.split("x"))
    config = {
        "shape": arguments.shape, "dtype": arguments.dtype, "batch": batch, "prompt": prompt,
        "new": arguments.new,
    }  # fmt: skip
    names = [name for name in arguments.contenders if _fits(name, arguments.shape)]
    results = []
    # Few at a time: each holds a model, and all of them would not fit into a small machine.
    for first in range(0, len(names), arguments.together):
        contenders = [start(name, config) for name in names[first : first + arguments.together]]
        results += take_turns(contenders, arguments.rounds)
    for row in results:
        row["tokens_per_second"] = batch * arguments.new / row["seconds"]
    return results


def _fits(name: str, shape: str) -> bool:
    if name in GPT2_ONLY and shape != "gpt2":
        return False
    return not name.startswith("kerashub") or has_kerashub()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shape", default="gpt2", choices=("gpt2", "smollm2"))
    parser.add_argument("--dtype", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--cells", nargs="+", default=["1x32", "8x32", "1x512", "8x512"])
    parser.add_argument("--contenders", nargs="+", default=list(ALL), choices=ALL)
    parser.add_argument("--new", type=int, default=128, help="tokens to generate")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--together", type=int, default=10, help="how many take turns at once")
    parser.add_argument("--json", type=Path, help="write the results here as well")
    arguments = parser.parse_args()
    results = {}
    for cell in arguments.cells:
        rows = results[cell] = measure(arguments, cell)
        print(f"\n{arguments.shape}, {arguments.dtype}, batch x prompt {cell}", flush=True)
        for row in rows:
            print(
                f"  {row['name']:24}{row['tokens_per_second']:8.1f} tokens/s"
                f"  first call {row['first_call']:5.1f} s",
                flush=True,
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
