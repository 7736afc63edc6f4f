"""What texts of different lengths cost with their padding, without it, and in smaller batches.

ModernBERT base's shape with fewer layers; 32 texts of 8 to 256 tokens; forward passes in float32,
in turns, after one that compiles. "padded" computes all padding; "unpadded" none, as models do on
torch; "by length" has the batches that tasks make of texts, with padding; "both" is what users get.
Medians of seconds, by the clock and of the processor, since others may use the machine.

    KERAS_BACKEND=torch python benchmarks/unpadded.py [--layers 4] [--rounds 7] [--json FILE]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import hornbook  # noqa: F401 - before Keras, whose backend it chooses

# isort: split
import keras
import numpy as np
import torch
import transformers

from hornbook.models import ModernBertBackbone
from hornbook.preprocessing.packing import bucket_length
from hornbook.tasks.text_prediction import batches_by_length

VOCABULARY, TEXTS, SHORTEST, LONGEST = 1000, 32, 8, 256
CHARACTERS = 4  # of a token
WIDTHS = {"num_heads": 12, "hidden_dim": 768, "intermediate_dim": 1152}
Arrays = dict[str, np.ndarray]


def texts() -> Arrays:
    generator = np.random.default_rng(0)
    lengths = np.exp(generator.normal(4.2, 0.8, TEXTS)).astype(int).clip(SHORTEST, LONGEST)
    lengths[0] = LONGEST
    mask = (np.arange(LONGEST) < lengths[:, None]).astype("int32")
    ids = generator.integers(5, VOCABULARY, mask.shape).astype("int32")
    return {"token_ids": ids, "padding_mask": mask}


def by_length(inputs: Arrays) -> list[Arrays]:
    lengths = inputs["padding_mask"].sum(1)
    batches = []
    for rows in batches_by_length(CHARACTERS * lengths, TEXTS):
        length = bucket_length(int(lengths[rows].max()), LONGEST)
        batches.append({name: value[rows, :length] for name, value in inputs.items()})
    return batches


def build(layers: int, unpadding: bool) -> keras.Model:
    model = ModernBertBackbone(num_layers=layers, vocabulary_size=VOCABULARY, pad_token_id=0,
                               start_token_id=1, end_token_id=2, **WIDTHS)  # fmt: skip
    if not unpadding:
        model.get_layer("unpadding").call = lambda tokens, padding_mask: (tokens, padding_mask)
    return model


def build_theirs(layers: int) -> transformers.ModernBertModel:
    config = transformers.ModernBertConfig(
        num_hidden_layers=layers, vocab_size=VOCABULARY, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, cls_token_id=1, sep_token_id=2,
    )  # fmt: skip
    torch.set_grad_enabled(False)
    return transformers.ModernBertModel(config).eval()


def contenders(layers: int, inputs: Arrays) -> dict[str, Callable[[], object]]:
    model, padded, theirs = build(layers, True), build(layers, False), build_theirs(layers)
    padded.set_weights(model.get_weights())
    batches = by_length(inputs)
    ids, mask = (torch.tensor(inputs[name]).long() for name in ("token_ids", "padding_mask"))
    real = inputs["padding_mask"][..., None]
    two = [each.predict_on_batch(inputs)["sequence_output"] * real for each in (model, padded)]
    print(f"greatest difference {np.abs(two[0] - two[1]).max() / np.abs(two[1]).max():.1e}")
    shapes = [batch["token_ids"].shape for batch in batches]
    print(f"batches by length {shapes}")
    return {
        "padded": lambda: padded.predict_on_batch(inputs),
        "unpadded": lambda: model.predict_on_batch(inputs),
        "by length": lambda: [padded.predict_on_batch(batch) for batch in batches],
        "both": lambda: [model.predict_on_batch(batch) for batch in batches],
        "transformers": lambda: theirs(ids, attention_mask=mask),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the results here as well")
    given = parser.parse_args()
    inputs = texts()
    share = inputs["padding_mask"].mean()
    print(f"{keras.backend.backend()}: {TEXTS} texts, {share:.0%} of {LONGEST} tokens on average")
    runs = contenders(given.layers, inputs)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    first = {}
    for number in range(given.rounds + 1):
        for name, run in runs.items():
            start = time.perf_counter(), time.process_time()
            run()
            took = time.perf_counter() - start[0], time.process_time() - start[1]
            if number:
                seconds[name].append(took)
            else:
                first[name] = took[0]
    medians = {
        name: [statistics.median(each) for each in zip(*taken, strict=True)]
        for name, taken in seconds.items()
    }
    for name, (clock, processor) in medians.items():
        ratio = medians["padded"][0] / clock
        print(f"{name:12} {clock:6.3f} s, of the processor {processor:6.3f} s; "
              f"{ratio:.2f} x as fast as padded; first {first[name]:.1f} s")  # fmt: skip
    if given.json:
        result = {"backend": keras.backend.backend(), "real": share, "seconds": medians}
        given.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
