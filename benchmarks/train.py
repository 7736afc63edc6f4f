"""Time of a training step of the notebook's GPT: hornbook beside KerasHub and two forms by hand.

All contenders are processes of their own that take turns in one run; medians and ratios are shown.
KerasHub's environment is made by `make peers`; it is left out, with a remark, where there is none.

    python benchmarks/train.py [--layers 2] [--heads 3] [--batch 32] [--dtype float32]
        [--backends jax torch tensorflow] [--rounds 5] [--seed 0] [--json train.json]
"""

import argparse
import json
from pathlib import Path

from contenders import Contender, has_kerashub, library_on, take_turns

SCRIPT = "notebook_gpt.py"
# In the notebook's own form, hornbook has Keras's loss and model; in its own, the loss makes the
# logits piece by piece.
LIBRARIES = ("kerashub", "hornbook notebook", "hornbook")
BY_HAND = {"jax": ["plain jax"], "torch": ["plain torch", "plain torch compiled"], "tensorflow": []}


def measure(arguments: argparse.Namespace, backend: str) -> list[dict[str, object]]:
    config = {
        "layers": arguments.layers, "heads": arguments.heads, "batch": arguments.batch,
        "dtype": arguments.dtype, "steps": arguments.steps, "width": 256, "length": 128,
        "vocabulary": 5000, "seed": arguments.seed,
    }  # fmt: skip
    libraries = [name for name in LIBRARIES if name != "kerashub" or has_kerashub()]
    contenders = [library_on(name, backend, SCRIPT, config) for name in libraries]
    contenders += [
        Contender(name, SCRIPT, {**config, "library": name}) for name in BY_HAND[backend]
    ]
    return take_turns(contenders, arguments.rounds)


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
        base = rows[0]["seconds"]
        print(f"\n{backend}, {arguments.dtype}, {arguments.layers} layers, batch {arguments.batch}")
        for row in rows:
            speed = f"{base / row['seconds']:5.2f}x"
            time = f"{1000 * row['seconds']:8.0f} ms"
            print(f"  {row['name']:30}{time}  {speed}  loss {row['loss']:.4f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
