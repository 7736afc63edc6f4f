"""A recipe's text: lines, the tokenizer that is trained on them, and rows of token ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from hornbook.errors import DataError
from hornbook.preprocessing.start_end_packer import StartEndPacker
from hornbook.tokenizers import WordPieceTokenizer, compute_word_piece_vocabulary
from hornbook.training.corpus import read_texts
from hornbook.training.recipes.recipe import DataConfig, TokenizerConfig

RESERVED = ("[PAD]", "[UNK]", "[BOS]")
SPLIT_SEED = 0  # of the lines that are held out: the same ones for every recipe and seed


@dataclass(frozen=True)
class Lines:
    """Lines of text to train on, and those held out."""

    training: list[str]
    validation: list[str]


@dataclass(frozen=True)
class Rows:
    """Rows that a model is trained on.

    Attributes:
        inputs: int32 [rows, length], or a dict of such.
        labels: int32 [rows, length], the tokens one further.
        weights: of the labels, or None.
    """

    inputs: Any
    labels: np.ndarray
    weights: np.ndarray | None = None


def read_lines(config: DataConfig) -> Lines:
    """Reads the text's lines of at least the minimum length, and holds a share of them out.

    Raises:
        DataError: when fewer than two lines are left.
    """
    lines = [
        line
        for text in read_texts(config.sources)
        for line in text.splitlines()
        if len(line) > config.minimum_length
    ]
    if len(lines) < 2:
        raise DataError(
            f"{', '.join(config.sources)} has {len(lines)} lines of more than "
            f"{config.minimum_length} characters; expected two or more: lower minimum_length"
        )
    order = np.random.default_rng(SPLIT_SEED).permutation(len(lines))[: config.maximum_lines]
    held_out = max(int(len(order) * config.validation), 1)
    return Lines([lines[i] for i in order[held_out:]], [lines[i] for i in order[:held_out]])


def train_tokenizer(config: TokenizerConfig, lines: Sequence[str]) -> WordPieceTokenizer:
    """Trains a WordPiece tokenizer on lines; padding is token 0."""
    vocabulary = compute_word_piece_vocabulary(
        lines, config.vocabulary_size, lowercase=config.lowercase, reserved_tokens=RESERVED
    )
    return WordPieceTokenizer(
        vocabulary, sequence_length=config.sequence_length, lowercase=config.lowercase
    )


def start_packer(tokenizer: WordPieceTokenizer) -> StartEndPacker:
    """Puts the start token before rows, and cuts them to their length."""
    length = tokenizer.sequence_length
    assert length is not None
    return StartEndPacker(length, start_value=tokenizer.token_to_id("[BOS]"))


def make_rows(tokenizer: WordPieceTokenizer, lines: Sequence[str]) -> Rows:
    """Inputs that begin with the start token, and the tokens that come next."""
    labels = np.asarray(tokenizer(list(lines)), "int32")
    return Rows(np.asarray(start_packer(tokenizer)(labels), "int32"), labels)


def share_cut_off(rows: Rows) -> float:
    """The share of rows that fill their length, and so may have been cut off."""
    counted = rows.labels != 0 if rows.weights is None else rows.weights != 0
    return float(counted[:, -1].mean())


class RowBatches(keras.utils.PyDataset):
    """Batches of rows in a new order each pass, the same on every backend.

    Rows that don't fill a last batch wait for another pass, as long as there is one full batch.

    Args:
        rows: what to train on.
        batch_size: rows in a batch, at most.
        seed: of the order; None keeps the rows' own, and gives all of them.
        most: batches in a pass, at most; each pass then has another choice of rows.
    """

    def __init__(
        self, rows: Rows, batch_size: int, seed: int | None, most: int | None = None
    ) -> None:
        super().__init__()
        self.most = most
        self.rows = rows
        self.batch_size = min(batch_size, len(rows.labels))
        self.seed = seed
        self._passes = 0
        self._set_order()

    def _set_order(self) -> None:
        self._order = np.arange(len(self.rows.labels))
        if self.seed is not None:
            self._order = np.random.default_rng([self.seed, self._passes]).permutation(self._order)

    def __len__(self) -> int:
        rows = len(self.rows.labels)
        full = rows // self.batch_size if self.seed is not None else -(-rows // self.batch_size)
        return full if self.most is None else min(full, self.most)

    def __getitem__(self, index: int) -> Any:
        chosen = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        parts = (self.rows.inputs, self.rows.labels, self.rows.weights)
        taken = [keras.tree.map_structure(lambda a: a[chosen], p) for p in parts if p is not None]
        return tuple(taken)

    def on_epoch_end(self) -> None:
        self._passes += 1
        self._set_order()
