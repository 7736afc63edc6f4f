import base64
import json

import pytest
from sentencepiece import SentencePieceProcessor
from transformers import AutoTokenizer

from hornbook.errors import TokenizerError
from hornbook.tokenizers import (
    SentencePieceTokenizer,
    Tokenizer,
    TokenizerSpec,
    make_tokenizer_class,
)
from hornbook.tokenizers.sentence_piece_proto import (
    ModelType,
    ProtoOptions,
    read_options,
    write_model,
)
from nasty_strings import NASTY_STRINGS

# What sentencepiece doesn't know of: special tokens that are written in a text.
PLAIN = [text for text in NASTY_STRINGS if not any(t in text for t in ("<s>", "</s>", "<unk>"))]


@pytest.mark.parametrize("proto", ["bpe_proto", "unigram_proto"])
def test_ids_equal_the_original(request, proto):
    proto = request.getfixturevalue(proto)
    assert SentencePieceTokenizer(proto).encode_batch(PLAIN) == SentencePieceProcessor(
        model_proto=proto
    ).encode(PLAIN)


def test_a_saved_folder_gives_transformers_the_same_ids(bpe_proto, tmp_path):
    spec = TokenizerSpec(SentencePieceTokenizer, hf_sentence_piece_class="LlamaTokenizer")
    ours = make_tokenizer_class("LlamaTokenizer", spec, "Llama's.")(bpe_proto)
    ours.save(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    for text in NASTY_STRINGS:
        ids = ours.encode(text)
        if not text.startswith((" ", "▁")):
            # There transformers leaves out the space that sentencepiece always adds.
            assert ids == theirs.encode(text, add_special_tokens=False), text
        assert ours.detokenize(ids) == theirs.decode(ids), text


def test_special_tokens_are_the_model_s_and_found_in_text(bpe_proto):
    tokenizer = SentencePieceTokenizer(bpe_proto)
    assert (tokenizer.unk_token, tokenizer.start_token, tokenizer.end_token) == (
        "<unk>",
        "<s>",
        "</s>",
    )
    assert tokenizer.pad_token is None
    assert tokenizer.special_token_ids == {0, 1, 2}
    ids = tokenizer.encode("<s>the union</s>the")
    assert (ids[0], ids.count(2)) == (1, 1)
    # What follows a special token doesn't begin with the space that a text begins with.
    assert not tokenizer.id_to_token(ids[1]).startswith("▁")
    assert tokenizer.id_to_token(tokenizer.encode("the")[0]).startswith("▁")
    assert tokenizer.detokenize(ids) == "<s>the union</s>the"
    assert tokenizer.detokenize(ids, skip_special_tokens=True) == "the unionthe"
    assert tokenizer.encode_batch(["union", "the</s>"])[1][-1] == 2


def test_every_form_of_the_model_is_read(bpe_proto, tmp_path):
    path = tmp_path / "m.model"
    path.write_bytes(bpe_proto)
    expected = SentencePieceTokenizer(bpe_proto).get_config()
    for form in (path, str(path), base64.b64encode(bpe_proto).decode()):
        assert SentencePieceTokenizer(form).get_config() == expected


def test_a_folder_says_what_is_added(bpe_proto, tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(bpe_proto)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "add_bos_token": True,
                "pad_token": "<pad>",
                "added_tokens_decoder": {
                    "700": {"content": "<pad>", "special": True},
                    "701": {"content": "<think>", "special": False},
                },
            }
        )
    )
    tokenizer = Tokenizer.from_folder(tmp_path)
    assert isinstance(tokenizer, SentencePieceTokenizer)
    assert tokenizer.adds_start_token
    assert not tokenizer.adds_end_token
    assert tokenizer.encode("<pad>", add_special_tokens=True) == [1, 700]
    assert tokenizer.encode("<think>") == [701]
    assert tokenizer.pad_token_id == 700
    assert tokenizer.vocabulary_size() == 702
    assert tokenizer.detokenize([700, 701], skip_special_tokens=True) == "<think>"
    tokenizer.save(tmp_path / "again")
    assert Tokenizer.from_folder(tmp_path / "again").get_config() == tokenizer.get_config()


def test_the_written_proto_is_the_original(unigram_proto):
    model = SentencePieceProcessor(model_proto=unigram_proto)
    kinds = [
        2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 1
        for i in range(model.vocab_size())
    ]
    pieces = [
        (model.id_to_piece(i), model.get_score(i), kinds[i]) for i in range(model.vocab_size())
    ]
    options = read_options(unigram_proto)
    assert options.model_type is ModelType.UNIGRAM
    assert options.byte_fallback
    assert options.special_ids == (0, 1, 2, -1)
    rewritten = write_model(pieces, options)
    assert read_options(rewritten) == options
    assert SentencePieceProcessor(model_proto=rewritten).encode(PLAIN) == model.encode(PLAIN)


@pytest.mark.parametrize(
    "proto",
    [
        b"",
        b"no model",
        b"\x0a\x7f",
        b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x12\x02\x18\x63",
        b"\x1a\x01",
        write_model([], ProtoOptions()),
        write_model([("a", 0.0, 1)], ProtoOptions()),
        "neither a file nor base64!",
        "no/such.model",
    ],
)
def test_a_broken_model_is_one_clear_error(proto):
    with pytest.raises(TokenizerError):
        SentencePieceTokenizer(proto)


def test_every_truncation_is_an_error_or_a_model(bpe_proto):
    for length in range(0, len(bpe_proto), 97):
        try:
            SentencePieceTokenizer(bpe_proto[:length])
        except TokenizerError:
            continue
