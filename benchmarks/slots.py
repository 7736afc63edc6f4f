"""Many prompts of mixed lengths: slots that are filled again, beside batches one after the other.

A realistic mix: prompts of 4 to 60 tokens, and as many new ones as a lognormal distribution says
(median 48, sigma 0.9). Both forms make the same tokens, and take turns.

    KERAS_BACKEND=torch python benchmarks/slots.py [--prompts 64] [--batch 8] [--rounds 3]
"""

import argparse
import time
from statistics import median

import hornbook  # noqa: F401 - before Keras, whose backend it chooses

# isort: split
import keras
import numpy as np

from hornbook.generation import Engine
from hornbook.models import GPT2Backbone, GPT2CausalLM

VOCABULARY, PLACES = 50257, 1024


def requests(number: int) -> tuple[list[list[int]], list[int]]:
    """Prompts, and the length that each text ends at."""
    rng = np.random.default_rng(0)
    prompts = [rng.integers(0, VOCABULARY, n).tolist() for n in rng.integers(4, 61, number)]
    new = np.clip(rng.lognormal(np.log(48), 0.9, number), 4, 512).astype(int)
    return prompts, [len(prompt) + int(more) for prompt, more in zip(prompts, new, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    prompts, limits = requests(arguments.prompts)
    backbone = GPT2Backbone(
        vocabulary_size=VOCABULARY, num_layers=12, num_heads=12, hidden_dim=768,
        max_sequence_length=PLACES,
    )  # fmt: skip
    engine = Engine(GPT2CausalLM(backbone))
    new = sum(limits) - sum(map(len, prompts))

    def batches() -> list[list[int]]:
        texts = []
        for start in range(0, len(prompts), arguments.batch):
            rows = slice(start, start + arguments.batch)
            texts += tokens(prompts[rows], limits[rows])
        return texts

    def tokens(some: list[list[int]], ends: list[int], **options: int) -> list[list[int]]:
        width = max(map(len, some))
        padded = [row + [0] * (width - len(row)) for row in some]
        output = engine.generate(padded, list(map(len, some)), limits=ends, **options)
        return [row[:end].tolist() for row, end in zip(output.token_ids, ends, strict=True)]

    forms = {
        "batches": batches,
        "slots": lambda: tokens(prompts, limits, batch_size=arguments.batch),
    }
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    texts = {}
    for number in range(arguments.rounds + 1):
        for name, form in forms.items():
            start = time.perf_counter()
            texts[name] = form()
            if number:  # the first one compiles
                seconds[name].append(time.perf_counter() - start)
    same = sum(one == other for one, other in zip(*texts.values(), strict=True))
    print(f"{keras.backend.backend()}, {len(prompts)} prompts, {new} new tokens")
    for name, times in seconds.items():
        print(f"{name:8} {median(times):6.1f} s {new / median(times):7.0f} tokens/s")
    print(f"{same} of {len(prompts)} texts are the same to the last token")


if __name__ == "__main__":
    main()
