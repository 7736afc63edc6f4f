"""Looking words up gives what the library gives, for every text."""

import copy
import pickle
import threading

import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, models, normalizers, pre_tokenizers, trainers

from hornbook.tokenizers import word_batches, word_cache
from hornbook.tokenizers.gguf_pre_tokenizers import PROSE, WORD_SPLITS, WORDS
from hornbook.tokenizers.rust_engine import RustEngine
from hornbook.tokenizers.space_cuts import can_be_cut
from nasty_strings import NASTY_STRINGS

# Characters that split, join, vanish or become others; twice the space, on which all turns.
PIECES = [
    *"  \n\t\r\x1c\x85\u00a0\u3000\u200b\x00aBstd'.,-1½éİßŁ好글😀\u0301\u0338\u1100\u2000¨",
    "<m>",
    "'s",
    *word_batches.MARK,
    word_batches.MARK,
]
TEXTS = st.one_of(
    st.text(st.sampled_from("".join(PIECES)), max_size=30),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.lists(st.text(max_size=4), max_size=8).map(" ".join),
)
SPLITS = {split.patterns: split for split in WORD_SPLITS.values()}.values()
BYTES = pre_tokenizers.ByteLevel


@pytest.fixture(scope="module")
def model(sentences):
    """Merges that reach over spaces: a boundary that is missed shows in the ids."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = BYTES(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=900, initial_alphabet=BYTES.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([*NASTY_STRINGS, *["  \n a  's. 1"] * 9, *sentences], trainer)
    return tokenizer.model


def byte_pair(model, pre_tokenizer, *added, normalizer=None):
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_tokens(list(added))
    return tokenizers.Tokenizer.from_str(tokenizer.to_str())


@pytest.fixture(scope="module")
def libraries(model, word_pieces):
    """Tokenizers of every kind that can be cut."""
    made = [
        byte_pair(model, split.pre_tokenizer(), normalizer=normalizers.NFC())
        for split in SPLITS
        if PROSE not in split.patterns
    ]
    made += [
        byte_pair(
            model,
            pre_tokenizers.Sequence([pre_tokenizers.Digits(True), BYTES(add_prefix_space=True)]),
            AddedToken("<m>", lstrip=True),
            AddedToken("  "),
            AddedToken("s", single_word=True),
        ),
        byte_pair(model, BYTES(add_prefix_space=False), AddedToken("<m>")),
    ]
    for options in ({}, {"clean_text": False, "lowercase": False}):
        tokenizer = tokenizers.Tokenizer(
            models.WordPiece({t: i for i, t in enumerate(word_pieces)}, unk_token="[UNK]")
        )
        tokenizer.normalizer = normalizers.BertNormalizer(**options)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.add_tokens([AddedToken("<m>"), AddedToken("s", single_word=True)])
        made.append(tokenizer)
    return made


def ids(library, texts):
    return [row.ids for row in library.encode_batch(texts, add_special_tokens=False)]


def cutting(library):
    engine = RustEngine(tokenizers.Tokenizer.from_str(library.to_str()))
    assert engine._words is not None
    return engine


@pytest.fixture(scope="module")
def engines(libraries):
    return [cutting(library) for library in libraries]


def test_real_texts(libraries, sentences):
    texts = [*sentences, *NASTY_STRINGS, "\n\n".join(sentences[:50])]
    for library in libraries:
        engine = cutting(library)
        expected = ids(library, texts)
        assert engine.encode_batch(texts) == expected  # all words are new
        assert engine.encode_batch(texts) == expected  # none is
        assert [row.tolist() for row in engine.encode_arrays(texts)] == expected


@pytest.mark.parametrize("as_text", [False, True])
def test_special_tokens_in_texts(model, as_text):
    library = byte_pair(model, BYTES(add_prefix_space=False), AddedToken("<m>"))
    library.add_special_tokens(["<s>", "bird"])
    engine = RustEngine(tokenizers.Tokenizer.from_str(library.to_str()), as_text)
    library.encode_special_tokens = as_text
    texts = ["<s>a bird<s> sings", "a<m> <s>", "birds bird", ""]
    assert engine.encode_batch(texts) == ids(library, texts)


def test_ids_with_gaps(model):
    """The library gives an added token the id that a token of the vocabulary has."""
    alphabet = sorted(BYTES.alphabet(), key="a".__eq__)
    vocabulary = {token: number for number, token in enumerate(alphabet, start=1)}
    assert vocabulary["a"] == len(vocabulary)
    library = byte_pair(models.BPE(vocabulary, []), BYTES(add_prefix_space=False))
    texts = ["a bird sings", "sings"]
    assert cutting(library).encode_batch(texts) == ids(library, texts)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=4, max_size=12))
def test_texts_of_any_characters(engines, libraries, texts):
    for engine, library in zip(engines, libraries, strict=True):
        assert engine.encode_batch(texts) == ids(library, texts)


@pytest.mark.parametrize(
    "pre_tokenizer",
    [
        BYTES(use_regex=False),  # one piece
        WORD_SPLITS["bloom"].pre_tokenizer(),
        pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"\w+ \w+"), "isolated"), BYTES()]),
        pre_tokenizers.Split(Regex(WORDS), "removed"),
        pre_tokenizers.Sequence([pre_tokenizers.Digits(), BYTES(use_regex=False)]),
        pre_tokenizers.Metaspace(),
    ],
    ids=str,
)
def test_how_words_are_cut_must_be_known(model, pre_tokenizer):
    assert not can_be_cut(byte_pair(model, pre_tokenizer))


def test_other_parts_must_be_known_too(model):
    plain = byte_pair(model, BYTES(add_prefix_space=False))
    assert can_be_cut(plain)
    assert not can_be_cut(byte_pair(model, BYTES(), normalizer=normalizers.Replace("a b", "c")))
    assert not can_be_cut(byte_pair(model, BYTES(), normalizer=normalizers.BertNormalizer()))
    for token in (
        AddedToken("a b"),
        AddedToken(" "),
        AddedToken(" a"),
        AddedToken("a", rstrip=True),
    ):
        assert not can_be_cut(byte_pair(model, BYTES(), token))
    plain.model.dropout = 0.1
    assert not can_be_cut(plain)


def test_memory_is_bounded(libraries, monkeypatch):
    monkeypatch.setattr(word_cache, "CAPACITY", 10_000)
    engine = cutting(libraries[0])
    texts = [f"word{i} of many" for i in range(500)]
    assert [engine.encode_batch([text])[0] for text in texts] == ids(libraries[0], texts)
    assert len(engine._words._ids) < 10_000 / word_cache.ENTRY + 3


def test_texts_of_new_words_go_to_the_library(libraries, monkeypatch):
    monkeypatch.setattr(word_cache, "FEW", 10)
    engine = cutting(libraries[0])
    texts = [f"a{i} b{i} c{i} d{i}" for i in range(100)]
    assert engine.encode_batch(texts) == ids(libraries[0], texts)
    assert not engine._words._ids


def test_copies_begin_empty(libraries):
    engine = cutting(libraries[0])
    expected = engine.encode_batch(["some words"])
    for other in (pickle.loads(pickle.dumps(engine)), copy.deepcopy(engine)):  # noqa: S301 - our own bytes
        assert not other._words._ids
        assert other.encode_batch(["some words"]) == expected


def test_threads_share_it(libraries, sentences, monkeypatch):
    monkeypatch.setattr(word_cache, "CAPACITY", 20_000)  # forgets again and again
    engine = cutting(libraries[0])
    expected = ids(libraries[0], sentences)
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append([engine.encode_batch([s])[0] for s in sentences])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_a_lock_that_nobody_gives_back(libraries, monkeypatch):
    monkeypatch.setattr(word_cache, "LONGEST_WAIT", 0.01)
    engine = cutting(libraries[0])
    engine._words._learning.acquire()  # as in a process that was forked meanwhile
    assert engine.encode_batch(["some words"]) == ids(libraries[0], ["some words"])
    assert not engine._words._learning.locked()
