"""Tokenizing texts, on all cores, by a library and one of the ways that data takes.

`config` has `library`, `kind` (of tokenizer), `folder`, which holds `texts.json` and the
vocabularies, and `train`: the size of a vocabulary to learn instead, or None. A round tokenizes all
texts once, and gives the number of tokens too: equal work. It does so with a new tokenizer, whose
making isn't timed: some keep words, and would meet in the second round none that they haven't met
in the first.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .measure import Run, timed
from .tokenizer_training import trainer

BATCH = 256
"""Texts in a batch of the pipelines."""
CORES = os.cpu_count() or 1
"""Calls that grain makes at the same time, and half of those that tf.data makes."""

Count = Callable[[], int]
"""Tokenizes everything and counts the tokens, or learns a vocabulary and counts its tokens."""


def prepare(config: dict[str, Any]) -> Run:
    """Reads the texts; a round tokenizes them all."""
    folder, library, kind = Path(config["folder"]), config["library"], config["kind"]
    texts = json.loads((folder / "texts.json").read_text("utf-8"))

    def run() -> dict[str, float]:
        if config["train"] is not None:
            count = trainer(library, kind, texts, config["train"])
        elif library.startswith("bare"):
            count = _bare(library, _bare_encoder(kind, folder), texts)
        else:
            count = _piped(library, _tokenizer(library, kind, folder), texts)
        seconds, tokens = timed(count)
        return {"seconds": seconds, "tokens": tokens}

    return run


def _bare(library: str, encode: Callable[[Sequence[str]], int], texts: list[str]) -> Count:
    """All texts at once, or in the batches that the pipelines have."""
    if "batches" not in library:
        return lambda: encode(texts)
    parts = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return lambda: sum(map(encode, parts))


def _bare_encoder(kind: str, folder: Path) -> Callable[[Sequence[str]], int]:
    if kind == "sentence piece":
        import sentencepiece

        processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "pieces.model"))
        return lambda texts: sum(map(len, processor.encode(list(texts), out_type=int)))
    import tokenizers

    bare = tokenizers.Tokenizer.from_file(str(folder / kind / "tokenizer.json"))
    bare.encode_special_tokens = kind == "word piece"
    return lambda texts: sum(
        len(row.ids) for row in bare.encode_batch(texts, add_special_tokens=False)
    )


def _tokenizer(library: str, kind: str, folder: Path) -> Any:
    if library.startswith("kerashub"):
        import keras_hub as package
    else:
        import hornbook as package
    made = package.tokenizers
    if kind == "byte pair":
        return made.BytePairTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    if kind == "word piece":
        return made.WordPieceTokenizer(
            str(folder / "vocab.txt"), lowercase=True, strip_accents=True
        )
    return made.SentencePieceTokenizer(str(folder / "pieces.model"))


def _piped(library: str, tokenizer: Any, texts: list[str]) -> Count:
    way = library.split()[1]
    if way == "lists":
        return lambda: sum(map(len, tokenizer(texts)))
    if way == "grain":
        import grain

        rows = grain.MapDataset.source(texts).batch(BATCH, batch_fn=list).map(tokenizer)
        options = grain.ReadOptions(num_threads=CORES, prefetch_buffer_size=2 * CORES)
        return lambda: sum(sum(map(len, batch)) for batch in rows.to_iter_dataset(options))
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices(texts).batch(BATCH)
    dataset = dataset.map(tokenizer, num_parallel_calls=2 * CORES).prefetch(2 * CORES)
    # What tunes the pipeline sleeps up to 0.3 s after so little text before it lets go of it.
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = dataset.with_options(options)
    return lambda: sum(int(tf.size(rows.flat_values)) for rows in dataset)
