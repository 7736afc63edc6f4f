import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from tokenizers import ByteLevelBPETokenizer

from hornbook.errors import TokenizerError
from hornbook.tokenizers import (
    BytePairTokenizer,
    SentencePieceTokenizer,
    WordPieceTokenizer,
    compute_byte_pair_vocabulary,
    compute_sentence_piece_proto,
    compute_word_piece_vocabulary,
)
from nasty_strings import NASTY_STRINGS

RESERVED = ["[PAD]", "[UNK]", "[BOS]"]


def test_word_pieces_begin_with_the_reserved_tokens(sentences):
    vocabulary = compute_word_piece_vocabulary(
        iter(sentences), 500, lowercase=True, reserved_tokens=RESERVED
    )
    assert vocabulary[:3] == RESERVED
    assert len(vocabulary) == len(set(vocabulary)) == 500
    tokenizer = WordPieceTokenizer(vocabulary, lowercase=True)
    assert tokenizer.start_token_id == 2
    ids = tokenizer("The state of the Union")
    assert tokenizer.detokenize(ids) == "the state of the union"
    assert tokenizer.unk_token_id not in np.concatenate(tokenizer(sentences))


def naive_word_pieces(texts, size, reserved):
    """The textbook form: join the most frequent pair, the one with smaller ids among equals."""
    words = Counter(word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower()))
    chars = sorted(set("".join(words)))
    inner = sorted({f"##{char}" for word in words for char in word[1:]})
    tokens = [*reserved, *inner, *chars]
    ids = {token: index for index, token in enumerate(tokens)}
    split = {word: [word[0], *(f"##{char}" for char in word[1:])] for word in words}
    while len(tokens) < size:
        pairs = Counter()
        for word, parts in split.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        left, right = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        joined = left + right.removeprefix("##")
        if joined not in ids:
            ids[joined] = len(tokens)
            tokens.append(joined)
        for word, parts in split.items():
            split[word] = merged = []
            for part in parts:
                if part == right and merged and merged[-1] == left:
                    merged[-1] = joined
                else:
                    merged.append(part)
    return [*reserved, *chars, *inner, *tokens[len(reserved) + len(inner) + len(chars) :]]


def test_word_pieces_equal_the_naive_form(sentences):
    texts = [text for text in sentences[:200] if text.isascii() and "_" not in text]
    ours = compute_word_piece_vocabulary(iter(texts), 300, lowercase=True, reserved_tokens=RESERVED)
    assert ours == naive_word_pieces(texts, 300, RESERVED)


def test_the_default_reserved_tokens_are_the_field_s(sentences):
    vocabulary = compute_word_piece_vocabulary(iter(sentences), 300)
    assert vocabulary[:5] == ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]


@pytest.mark.parametrize("size", [10, 50, 101])
def test_a_vocabulary_is_never_larger_than_asked_for(size):
    vocabulary = compute_word_piece_vocabulary(iter(NASTY_STRINGS), size, reserved_tokens=RESERVED)
    assert len(vocabulary) <= size


def test_word_pieces_follow_the_tokenizer_s_options(tmp_path):
    texts = ["É-É 中文 É-É 中文"] * 3
    plain = compute_word_piece_vocabulary(iter(texts), 50, reserved_tokens=[])
    assert {"É", "-", "中", "文"} <= set(plain)
    assert "é" in compute_word_piece_vocabulary(iter(texts), 50, lowercase=True)
    assert "E" in compute_word_piece_vocabulary(iter(texts), 50, strip_accents=True)
    assert "中文" in compute_word_piece_vocabulary(iter(texts), 50, split_on_cjk=False)
    assert "@@文" in compute_word_piece_vocabulary(
        iter(texts), 50, split_on_cjk=False, suffix_indicator="@@"
    )
    whole = compute_word_piece_vocabulary(iter(["a b", "a b"]), 50, split=False)
    assert "a b" in whole
    path = tmp_path / "vocab.txt"
    written = compute_word_piece_vocabulary(iter(texts), 50, vocabulary_output_file=path)
    assert WordPieceTokenizer(path).get_vocabulary() == written


def test_byte_pairs_equal_the_library_s_own(sentences, tmp_path):
    vocabulary, merges = compute_byte_pair_vocabulary(
        iter(sentences),
        400,
        tmp_path / "vocab.json",
        tmp_path / "merges.txt",
        reserved_tokens=["<|endoftext|>"],
    )
    theirs = ByteLevelBPETokenizer()
    theirs.train_from_iterator(
        sentences,
        vocab_size=400,
        min_frequency=0,
        special_tokens=["<|endoftext|>"],
        show_progress=False,
    )
    assert vocabulary == theirs.get_vocab()
    assert vocabulary["<|endoftext|>"] == 0
    tokenizer = BytePairTokenizer(vocabulary, merges)
    plain = [text for text in NASTY_STRINGS if "<|endoftext|>" not in text]
    assert tokenizer.encode_batch(plain) == [theirs.encode(text).ids for text in plain]
    from_files = BytePairTokenizer(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert from_files.get_config() == tokenizer.get_config()


@pytest.mark.parametrize("model_type", ["unigram", "bpe", "char"])
def test_sentence_pieces(sentences, tmp_path, model_type):
    path = tmp_path / "m.model"
    size = 300 if model_type != "char" else 60
    proto = compute_sentence_piece_proto(iter(sentences), size, model_type, path)
    assert path.read_bytes() == proto
    tokenizer = SentencePieceTokenizer(proto)
    assert tokenizer.get_vocabulary()[:4] == ["<pad>", "<unk>", "<s>", "</s>"]
    assert (tokenizer.pad_token_id, tokenizer.end_token_id) == (0, 3)
    assert tokenizer.detokenize(tokenizer("the state of the union")) == "the state of the union"


def test_sentence_pieces_may_be_lowercase(sentences):
    proto = compute_sentence_piece_proto(iter(sentences), 200, lowercase=True, max_sentences=300)
    tokenizer = SentencePieceTokenizer(proto)
    assert tokenizer.encode("STATE") == tokenizer.encode("state")


def test_sentence_pieces_of_texts_as_they_are(sentences):
    special = {"start_token": "<bos>", "pad_token": "<nothing>", "mask_token": "<mask>"}
    model = compute_sentence_piece_proto(
        sentences, 600, "bpe", special_tokens=special, byte_fallback=True, as_written=True
    )
    tokenizer = SentencePieceTokenizer(model)
    assert (tokenizer.start_token, tokenizer.pad_token) == ("<bos>", "<nothing>")
    assert tokenizer.token_to_id("<mask>") in tokenizer.special_token_ids
    for text in ("  two  spaces ", "ﬁ and fi", "\U0001f5fc"):
        assert tokenizer.detokenize(tokenizer.encode(text)) == text


def test_every_form_of_data_gives_the_same(sentences, tmp_path):
    import tensorflow as tf

    sentences = [" ".join(s.split()) for s in sentences if s][:100]
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("\n".join(sentences[:50]) + "\n", encoding="utf-8")
    second.write_text("\n".join(sentences[50:]), encoding="utf-8")
    dataset = tf.data.Dataset.from_tensor_slices(sentences)
    forms = [
        sentences,
        [first, second],
        [str(first), str(second)],
        (sentence.encode() for sentence in sentences),
        [sentences[:30], sentences[30:]],
        np.array(sentences),
        dataset,
        dataset.batch(7),
    ]
    vocabularies = [compute_byte_pair_vocabulary(form, 300)[1] for form in forms]
    assert all(vocabulary == vocabularies[0] for vocabulary in vocabularies)
    assert len(vocabularies[0]) == 300 - 256


@pytest.mark.parametrize("kind", ["byte_pair", "word_piece"])
def test_a_terminal_shows_what_is_learned_and_the_result_is_the_same(kind, sentences, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(sentences[:300]), "utf-8")
    (tmp_path / "train.py").write_text(
        "import json, sys\n"
        "from pathlib import Path\n"
        f"from hornbook.tokenizers import compute_{kind}_vocabulary\n"
        f"made = compute_{kind}_vocabulary([Path('texts.txt')], 600, progress=True)\n"
        "Path('made.json').write_text(json.dumps(made))\n"
    )
    main, terminal = pty.openpty()
    program = [sys.executable, "train.py"]
    done = subprocess.run(
        program, cwd=tmp_path, stderr=terminal, env={**os.environ, "TERM": "xterm"}
    )
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # the end of what was written
        while part := os.read(main, 4096):
            shown += part
    os.close(main)
    assert done.returncode == 0, shown
    assert b"texts read" in shown
    assert b"Compute merges" in shown
    train = {"byte_pair": compute_byte_pair_vocabulary, "word_piece": compute_word_piece_vocabulary}
    plain = train[kind]([tmp_path / "texts.txt"], 600)
    assert json.loads((tmp_path / "made.json").read_text()) == json.loads(json.dumps(plain))


def test_a_corpus_of_sentence_pieces_may_be_larger_than_the_memory_for_it():
    program = (
        "import resource, sys\n"
        "from hornbook.tokenizers import compute_sentence_piece_proto as train\n"
        "from hornbook.tokenizers.sentence_piece import SentencePieceTokenizer\n"
        "def corpus(count):\n"
        "    for n in range(count):\n"
        "        yield f'the word number {n} of ' + 'many words and letters ' * 40\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "first = train(corpus(2000), 60, max_sentences=500)\n"
        "before = peak()\n"
        "second = train(corpus(60_000), 60, max_sentences=500)\n"
        "assert second == train(corpus(60_000), 60, max_sentences=500)\n"
        "print(len(second), peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    size, more = map(int, done.stdout.split())
    assert size > 0
    assert more < 20e6  # the corpus has 57 MB


def test_a_corpus_is_read_as_a_stream_and_reported():
    seen = []

    def corpus():
        for number in range(2500):
            yield f"word{number % 7} "
            if number > 1500:
                assert seen  # earlier strings were taken before the later ones exist

    compute_byte_pair_vocabulary(corpus(), 260, progress=seen.append)
    assert seen == [1000, 2000, 2500]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("a text", "Got 'a text'; expected several strings"),
        (3, "Got int; expected strings"),
        ([1, 2], "Got int; expected a string"),
        (iter(["fine", None]), "Got NoneType; expected a string"),
        (iter([b"\xff"]), "not UTF-8"),
        (iter(["\ud800"]), "Training a tokenizer failed"),
    ],
)
def test_bad_data_is_one_clear_error(data, message):
    with pytest.raises(TokenizerError, match=message):
        compute_byte_pair_vocabulary(data, 300)


def test_a_missing_file_among_files_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("a b c")
    with pytest.raises(TokenizerError, match=r"'\S+b\.txt' is not; to train on the strings"):
        compute_byte_pair_vocabulary([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], 300)
    with pytest.raises(TokenizerError, match=r"Can't read .*b\.txt"):
        compute_byte_pair_vocabulary([tmp_path / "b.txt"], 300)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (lambda data: compute_word_piece_vocabulary(data, 6), "vocabulary_size is 6.* take 7"),
        (lambda data: compute_byte_pair_vocabulary(data, 255), "vocabulary_size is 255.* take 256"),
        (lambda data: compute_sentence_piece_proto(data, 9999), "Training a SentencePiece model"),
        (
            lambda data: compute_sentence_piece_proto(data, 99, "word2vec"),
            "model_type is 'word2vec'",
        ),
    ],
)
def test_sizes_that_do_not_fit_are_one_clear_error(train, message):
    with pytest.raises(TokenizerError, match=message):
        train(iter(["some text"]))


def test_an_error_in_the_data_s_own_code_is_its_cause():
    def corpus():
        yield "fine"
        raise OSError("the disk is gone")

    for train in (compute_byte_pair_vocabulary, compute_sentence_piece_proto):
        with pytest.raises(TokenizerError, match="the disk is gone"):
            train(corpus(), 300)


def test_training_twice_gives_the_same(sentences):
    runs = [compute_word_piece_vocabulary(iter(sentences), 700) for _ in range(4)]
    assert runs == [runs[0]] * 4
    backwards = compute_word_piece_vocabulary(reversed(sentences), 700)
    assert backwards == runs[0]
    assert json.dumps(compute_byte_pair_vocabulary(iter(sentences), 400)) == json.dumps(
        compute_byte_pair_vocabulary(iter(sentences), 400)
    )


@pytest.mark.parametrize(
    "train",
    [
        lambda **options: compute_word_piece_vocabulary(iter(["a b", "b c"]), 20, **options),
        lambda **options: compute_byte_pair_vocabulary(iter(["a b", "b c"]), 260, **options),
        lambda **options: compute_sentence_piece_proto(iter(["a b", "b c"]), 8, **options),
    ],
    ids=["word piece", "byte pair", "sentence piece"],
)
def test_a_bar_is_shown_on_a_terminal_only(train, capsys, monkeypatch):
    plain = train()
    assert train(progress=True) == train(progress=False) == plain
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stderr for a terminal
    assert train(progress=True) == plain
    written = capsys.readouterr()
    assert "2 texts read" in written.err
    assert written.out == ""
