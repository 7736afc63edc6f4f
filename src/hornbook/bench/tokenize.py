"""`tokenize`: text to ids, with vocabularies that are learned from the texts; and the learning."""

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from hornbook.bench.benchmark import Benchmark, Case, Setting
from hornbook.errors import BenchmarkError
from hornbook.training.corpus import read_texts

SPEECHES = "sotu"
VOCABULARY = 8000
QUICK_VOCABULARY = 300
MEGABYTES = 16.0
QUICK_MEGABYTES = 0.02


def _case(cell: str, setting: Setting) -> Case:
    if cell not in CELLS:
        known = ", ".join(f"'{one}'" for one in CELLS)
        raise BenchmarkError(f"The cell '{cell}' isn't known; the kinds of tokenizers are {known}")
    kind = cell.removeprefix(LEARNING)
    folder, quick = setting.workspace, setting.options.quick
    texts = _lines(setting.options.texts, QUICK_MEGABYTES if quick else MEGABYTES)
    (folder / "texts.json").write_text(json.dumps(texts), "utf-8")
    size = QUICK_VOCABULARY if quick else VOCABULARY
    learns = cell != kind
    if not learns:
        WRITERS[kind](folder, texts, size)
    config = {"kind": kind, "folder": str(folder), "train": size if learns else None}
    return Case(config, sum(len(text.encode()) for text in texts) / 1e6)


def _lines(sources: Sequence[str] | None, megabytes: float) -> list[str]:
    """About so much text, evenly from all of it: a list of its lines."""
    lines = [line for text in _texts(sources) for line in text.split("\n") if line.strip()]
    every = max(round(sum(map(len, lines)) / 1e6 / megabytes), 1)
    return lines[::every]


def _texts(sources: Sequence[str] | None) -> list[str]:
    """The user's texts, else presidents' speeches if that package is there, else Python's help."""
    if sources:
        return read_texts(sources)
    if find_spec(SPEECHES) is not None:
        return read_texts([f"package://{SPEECHES}/data/speeches"])
    from pydoc_data import topics

    return list(topics.topics.values())


def _write_byte_pair(folder: Path, texts: list[str], size: int) -> None:
    from hornbook.tokenizers import BytePairTokenizer, compute_byte_pair_vocabulary

    vocabulary, merges = compute_byte_pair_vocabulary(iter(texts), size)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), "utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", "utf-8")
    tokenizer = BytePairTokenizer(folder / "vocab.json", folder / "merges.txt")
    tokenizer.save(folder / "byte pair")


def _write_word_piece(folder: Path, texts: list[str], size: int) -> None:
    from hornbook.tokenizers import WordPieceTokenizer, compute_word_piece_vocabulary

    vocabulary = compute_word_piece_vocabulary(
        texts,
        vocabulary_size=size,
        reserved_tokens=["[PAD]", "[UNK]"],
        lowercase=True,
        strip_accents=True,
    )
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", "utf-8")
    tokenizer = WordPieceTokenizer(folder / "vocab.txt", lowercase=True, strip_accents=True)
    tokenizer.save(folder / "word piece")


def _write_sentence_piece(folder: Path, texts: list[str], size: int) -> None:
    from hornbook.tokenizers import compute_sentence_piece_proto

    (folder / "pieces.model").write_bytes(compute_sentence_piece_proto(iter(texts), size))


WRITERS: Mapping[str, Callable[[Path, list[str], int], None]] = {
    "byte pair": _write_byte_pair,
    "word piece": _write_word_piece,
    "sentence piece": _write_sentence_piece,
}
"""Kind of tokenizer to what writes its files."""

LEARNING = "train "
"""How the cells begin that learn a vocabulary, as a library's own trainer does and hornbook's."""
LEARNERS = ("bare library", "hornbook lists")
CELLS = (*WRITERS, *(f"{LEARNING}{kind}" for kind in WRITERS))

TOKENIZE = Benchmark(
    name="tokenize",
    title="Text to ids, and vocabularies from text, on all cores",
    unit="MB/s",
    module="tokenization",
    contenders=(
        "bare library",
        "bare library batches",
        "hornbook lists",
        "kerashub lists",
        "hornbook tf.data",
        "kerashub tf.data",
        "hornbook grain",
    ),
    cells=CELLS,
    quick_cells=("word piece", f"{LEARNING}word piece"),
    dtypes=("int32",),
    case=_case,
    plays=lambda name, cell: name in LEARNERS or not cell.startswith(LEARNING),
    rounds=5,
    together=7,
)
