"""The real SmolLM2 from its GGUF file, and small vocabularies of each kind."""

import pytest
from gguf import GGUFReader
from sentencepiece import SentencePieceProcessor
from tokenizers import Regex, pre_tokenizers
from transformers import AutoTokenizer

from hornbook.checkpoints.gguf import GGUFFile
from hornbook.errors import TokenizerError
from hornbook.tokenizers import (
    BytePairTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordPieceTokenizer,
)
from hornbook.tokenizers.gguf_pre_tokenizers import WORD_SPLITS
from hornbook.tokenizers.sentence_piece_proto import read_options
from nasty_strings import NASTY_STRINGS

BYTE_LEVEL = {
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "gpt-2",
    "tokenizer.ggml.tokens": ["a", "b", "ab", "<end>", "<think>"],
    "tokenizer.ggml.token_type": [1, 1, 1, 3, 4],
    "tokenizer.ggml.merges": ["a b"],
    "tokenizer.ggml.eos_token_id": 3,
}
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi 😀 <|im_end|>"},
    {"role": "assistant", "content": ""},
]


def test_smollm_equals_the_original(smollm_path):
    ours = Tokenizer.from_gguf(GGUFFile(smollm_path).metadata)
    theirs = AutoTokenizer.from_pretrained(smollm_path.parent, gguf_file=smollm_path.name)
    # transformers doesn't read "smollm" from the file; the original tokenizer.json has this.
    theirs.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    assert isinstance(ours, BytePairTokenizer)
    for text, ids in zip(NASTY_STRINGS, ours.encode_batch(NASTY_STRINGS), strict=True):
        assert ids == theirs.encode(text, add_special_tokens=False), text
        assert ours.detokenize(ids) == theirs.decode(ids), text
    assert ours.vocabulary_size() == len(theirs) == 49152
    assert ours.start_token == theirs.bos_token == "<|im_start|>"
    assert ours.end_token_id == theirs.eos_token_id == 2
    assert ours.pad_token_id == theirs.pad_token_id
    assert ours.unk_token == theirs.unk_token
    assert not ours.adds_start_token
    for ask in (True, False):
        assert ours.apply_chat_template(CHAT, add_generation_prompt=ask) == (
            theirs.apply_chat_template(CHAT, add_generation_prompt=ask, tokenize=False)
        )


def test_the_reference_reader_gives_the_same_tokenizer(smollm_path):
    fields = GGUFReader(smollm_path).fields
    metadata = {name: f.contents() for name, f in fields.items() if name.startswith("tokenizer.")}
    reference = Tokenizer.from_gguf(metadata)
    assert (
        reference.get_config() == Tokenizer.from_gguf(GGUFFile(smollm_path).metadata).get_config()
    )


def test_token_types_decide_what_is_special():
    tokenizer = Tokenizer.from_gguf(BYTE_LEVEL)
    assert tokenizer.encode("ab<end>b<think>") == [2, 3, 1, 4]
    assert tokenizer.special_token_ids == {3}
    assert tokenizer.detokenize([2, 3, 4], skip_special_tokens=True) == "ab<think>"


def test_what_is_added_around_a_text_follows_the_file():
    metadata = {
        **BYTE_LEVEL,
        "tokenizer.ggml.bos_token_id": 4,
        "tokenizer.ggml.add_bos_token": True,
    }
    tokenizer = Tokenizer.from_gguf({**metadata, "tokenizer.ggml.add_eos_token": True})
    assert tokenizer.encode("a", add_special_tokens=True) == [4, 0, 3]
    assert tokenizer.adds_start_token
    assert tokenizer.adds_end_token
    silent = {**BYTE_LEVEL, "tokenizer.ggml.bos_token_id": 4}
    assert not Tokenizer.from_gguf(silent).adds_start_token
    llama3 = {**silent, "tokenizer.ggml.pre": "llama-bpe"}
    assert Tokenizer.from_gguf(llama3).adds_start_token


@pytest.mark.parametrize("proto", ["bpe_proto", "unigram_proto"])
def test_a_sentence_piece_vocabulary_is_rebuilt(request, proto):
    model_bytes = request.getfixturevalue(proto)
    model = SentencePieceProcessor(model_proto=model_bytes)
    kinds = [
        2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 1
        for i in range(model.vocab_size())
    ]
    metadata = {
        "tokenizer.ggml.model": "llama" if proto == "bpe_proto" else "t5",
        "tokenizer.ggml.tokens": [model.id_to_piece(i) for i in range(model.vocab_size())],
        "tokenizer.ggml.scores": [model.get_score(i) for i in range(model.vocab_size())],
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.remove_extra_whitespaces": proto == "unigram_proto",
        "tokenizer.ggml.precompiled_charsmap": list(read_options(model_bytes).charsmap),
    }
    tokenizer = Tokenizer.from_gguf(metadata)
    assert isinstance(tokenizer, SentencePieceTokenizer)
    texts = [t for t in NASTY_STRINGS if "<s>" not in t]
    assert tokenizer.encode_batch(texts) == model.encode(texts)
    assert tokenizer.start_token == "<s>"
    assert tokenizer.adds_start_token == (proto == "bpe_proto")
    assert tokenizer.adds_end_token == (proto == "unigram_proto")


def test_bert_marks_pieces_the_other_way_round():
    tokenizer = Tokenizer.from_gguf(
        {
            "tokenizer.ggml.model": "bert",
            "tokenizer.ggml.tokens": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁qu", "ick", "▁fox"],
            "tokenizer.ggml.token_type": [3, 2, 3, 3, 1, 1, 1],
            "tokenizer.ggml.cls_token_id": 2,
            "tokenizer.ggml.seperator_token_id": 3,
            "tokenizer.ggml.padding_token_id": 0,
            "tokenizer.ggml.unknown_token_id": 1,
        }
    )
    assert isinstance(tokenizer, WordPieceTokenizer)
    assert tokenizer.encode("Quick fox", add_special_tokens=True) == [2, 4, 5, 6, 3]


@pytest.mark.parametrize("name", sorted(WORD_SPLITS))
def test_every_way_to_cut_words_keeps_the_text(name):
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": name,
        "tokenizer.ggml.tokens": sorted(pre_tokenizers.ByteLevel.alphabet()),
        "tokenizer.ggml.token_type": [1] * 256,
        "tokenizer.ggml.merges": [],
    }
    tokenizer = Tokenizer.from_gguf(metadata)
    assert [tokenizer.detokenize(ids) for ids in tokenizer(NASTY_STRINGS)] == NASTY_STRINGS


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("gpt-2", "I'm 123  ok", ["I", "'m", " 123", " ", " ok"]),
        ("smollm", "in 123", ["in", " ", "1", "2", "3"]),
        ("llama-bpe", "DON'T 12345", ["DON", "'T", " ", "123", "45"]),
        ("qwen2", "a 12\n\nb", ["a", " ", "1", "2", "\n\n", "b"]),
        ("tekken", "helloWorld", ["hello", "World"]),
        ("gpt-4o", "helloWorld's", ["hello", "World's"]),
        ("deepseek-v3", "x中文y 1234", ["x", "中文", "y", " ", "123", "4"]),
    ],
)
def test_words_are_cut_as_the_original_cuts_them(name, text, words):
    splits = [
        pre_tokenizers.Split(Regex(pattern), behavior="isolated")
        for pattern in WORD_SPLITS[name].patterns
    ]
    assert [w for w, _ in pre_tokenizers.Sequence(splits).pre_tokenize_str(text)] == words


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": None}, "has no tokenizer.ggml.model"),
        ({"model": "rwkv"}, "of kind 'rwkv'; supported are bert, gpt2, llama, t5"),
        ({"pre": "no-such"}, "'no-such', which is not known here"),
        ({"tokens": None}, "has no tokenizer.ggml.tokens"),
        ({"tokens": ["a", "a", "b", "c", "d"]}, "lists a token twice"),
        ({"tokens": [1, 2]}, "holds more than str"),
        ({"token_type": [1]}, "has 1 entries for 5 tokens"),
        ({"merges": ["a z"]}, "out of vocabulary"),
        ({"merges": None}, "has no tokenizer.ggml.merges"),
        ({"eos_token_id": 99}, "eos_token_id is 99, but it has 5 tokens"),
        ({"eos_token_id": "x"}, "eos_token_id is 'x'; expected int"),
        ({"model": "llama"}, "0 unknown tokens; expected one"),
        ({"model": "llama", "token_type": [2, 1, 1, 1, 1]}, "has no tokenizer.ggml.scores"),
        ({"model": "bert"}, r"Not in the vocabulary: '\[UNK\]'"),
    ],
)
def test_broken_metadata_is_one_clear_error(change, message):
    metadata = {**BYTE_LEVEL, **{f"tokenizer.ggml.{key}": value for key, value in change.items()}}
    metadata = {key: value for key, value in metadata.items() if value is not None}
    with pytest.raises(TokenizerError, match=message):
        Tokenizer.from_gguf(metadata)
