"""llama.cpp by its Python bindings: a GGUF file's model, held in one type, rows as sequences."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np

from .prompts import Generate, prompts

FILE_TYPES = {"float32": 0, "float16": 1, "bfloat16": 32}
"""llama_ftype: of files that hold all matrices in a type."""
TENSOR_TYPES = {"float32": 0, "float16": 1, "bfloat16": 30}
"""ggml_type: of a tensor."""
CHUNK = 512
"""Tokens that are run at once, as many as llama.cpp does by default."""


def held_in(path: str, dtype: str, folder: Path) -> str:
    """Writes the file again with its weights in a type."""
    target = folder / f"{dtype}.gguf"
    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype, settings.allow_requantize = FILE_TYPES[dtype], True
    settings.output_tensor_type = settings.token_embedding_type = TENSOR_TYPES[dtype]
    if llama_cpp.llama_model_quantize(path.encode(), str(target).encode(), settings):
        raise ValueError(f"{path} can't be written in {dtype}")
    return str(target)


class Sequences:
    """A context that holds a cache of several rows."""

    def __init__(self, path: str, rows: int, positions: int, dtype: str) -> None:
        llama_cpp.llama_backend_init()
        settings = llama_cpp.llama_model_default_params()
        self.model = llama_cpp.llama_model_load_from_file(path.encode(), settings)
        if not self.model:
            raise ValueError(f"{path} can't be loaded")
        vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(vocabulary)
        options = llama_cpp.llama_context_default_params()
        options.n_ctx, options.n_seq_max = rows * positions, rows
        options.n_batch = options.n_ubatch = CHUNK
        options.n_threads = options.n_threads_batch = os.cpu_count() or 1
        if dtype == "float32":  # else the cache is float16, llama.cpp's own choice
            options.type_k = options.type_v = TENSOR_TYPES[dtype]
        self.context = llama_cpp.llama_init_from_model(self.model, options)
        if not self.context:
            raise ValueError(f"no context of {rows} rows of {positions} positions")
        self.batch = llama_cpp.llama_batch_init(CHUNK, 0, 1)

    def clear(self) -> None:
        """Empties the cache."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)

    def run(self, tokens: Sequence[tuple[int, int, int]], wanted: Sequence[int]) -> np.ndarray:
        """Runs (row, position, token); gives the likeliest next token after those `wanted`."""
        likeliest = []
        for first in range(0, len(tokens), CHUNK):
            part = tokens[first : first + CHUNK]
            self.batch.n_tokens = len(part)
            places = [index - first for index in wanted if first <= index < first + len(part)]
            for index, (row, position, token) in enumerate(part):
                self.batch.token[index], self.batch.pos[index] = token, position
                self.batch.n_seq_id[index], self.batch.seq_id[index][0] = 1, row
                self.batch.logits[index] = index in places
            if llama_cpp.llama_decode(self.context, self.batch):
                raise RuntimeError("llama.cpp failed to decode")
            for place in places:
                logits = llama_cpp.llama_get_logits_ith(self.context, place)
                likeliest.append(np.ctypeslib.as_array(logits, (self.vocabulary,)).argmax())
        return np.array(likeliest, "int32")


def make(config: dict[str, Any]) -> Generate:
    """Generates with the model of a GGUF file."""
    ids = prompts(config)
    rows, length = ids.shape
    with tempfile.TemporaryDirectory() as folder:
        path = held_in(config["gguf"], config["dtype"], Path(folder))
        # Each row's share of the cache is rounded up to a multiple of 256.
        positions = -(-(length + config["new"]) // 256) * 256
        sequences = Sequences(path, rows, positions, config["dtype"])

    def generate(new: int) -> Any:
        sequences.clear()
        prompt = [(row, place, int(token)) for (row, place), token in np.ndenumerate(ids)]
        newest = sequences.run(prompt, [length * (row + 1) - 1 for row in range(rows)])
        made = [ids, newest[:, None]]
        for place in range(length, length + new - 1):
            step = [(row, place, int(newest[row])) for row in range(rows)]
            newest = sequences.run(step, range(rows))
            made.append(newest[:, None])
        return np.concatenate(made, 1)

    return generate
