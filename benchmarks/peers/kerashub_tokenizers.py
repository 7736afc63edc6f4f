"""KerasHub's tokenizers, timed for benchmarks/tokenization.py; runs in KerasHub's environment.

Reads requests from stdin, one JSON object a line (`kind` and `path`), and answers each with a line.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import keras_hub
import tensorflow as tf

folder, batch = Path(sys.argv[1]), int(sys.argv[2])
TEXTS = json.loads((folder / "texts.json").read_text())
TOKENIZERS = {
    "byte pair": lambda: keras_hub.tokenizers.BytePairTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt")
    ),
    "word piece": lambda: keras_hub.tokenizers.WordPieceTokenizer(
        str(folder / "vocab.txt"), lowercase=True, strip_accents=True
    ),
    "sentence piece": lambda: keras_hub.tokenizers.SentencePieceTokenizer(
        str(folder / "tokenizer.model")
    ),
}


def lists(tokenizer: Callable) -> int:
    return sum(map(len, tokenizer(TEXTS)))


def tf_data(tokenizer: Callable) -> int:
    dataset = tf.data.Dataset.from_tensor_slices(TEXTS).batch(batch)
    dataset = dataset.map(tokenizer, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
    return sum(int(tf.size(rows.flat_values)) for rows in dataset)


made: dict[str, Callable] = {}
for line in sys.stdin:
    request = json.loads(line)
    tokenizer = made.setdefault(request["kind"], TOKENIZERS[request["kind"]]())
    start = time.perf_counter()
    tokens = {"lists": lists, "tf.data": tf_data}[request["path"]](tokenizer)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "tokens": tokens}), flush=True)
