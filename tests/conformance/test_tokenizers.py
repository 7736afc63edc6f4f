"""A family's tokenizer does what transformers' does with the same folder and the same text."""

from dataclasses import replace

import numpy as np
import pytest
import transformers

from conformance.cases import FIRST_CASES, FIRST_HEADS, every, every_head
from conformance.vocabularies import SENTENCES, examples, tokenizer_of, with_tokenizer
from hornbook.families.classes import preprocessor_class, tokenizer_class
from hornbook.families.registry import families, presets
from hornbook.models import Tokenizer
from nasty_strings import NASTY_STRINGS

PACKAGED = [name for name, preset in presets().items() if preset.handle.startswith("package://")]
TEMPLATE = (
    "{% for message in messages %}<{{ message['role'] }}>{{ message['content'] | trim }}\n"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)
CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "  Déjà vu, 😀? \n"},
    {"role": "assistant", "content": ""},
]

pytestmark = pytest.mark.backend_free


def assert_same_tokenizer(ours, theirs):
    for text, ids in zip(NASTY_STRINGS, ours.encode_batch(NASTY_STRINGS), strict=True):
        assert ids == theirs.encode(text, add_special_tokens=False), text
        assert ours.encode(text, add_special_tokens=True) == theirs.encode(text), text
        assert ours.detokenize(ids) == theirs.decode(ids), text
        assert ours.detokenize(ids, skip_special_tokens=True) == (
            theirs.decode(ids, skip_special_tokens=True)
        ), text
    assert ours.vocabulary_size() == len(theirs)
    assert set(theirs.all_special_ids) <= ours.special_token_ids
    for ours_name, name in (("start", "bos"), ("end", "eos"), ("pad", "pad"), ("unk", "unk")):
        assert getattr(ours, f"{ours_name}_token") == getattr(theirs, f"{name}_token")


@pytest.fixture
def folder(case, tmp_path):
    """A checkpoint with the family's tokenizer, as a task saves it."""
    model = with_tokenizer(case, case.family.heads[0])
    tokenizer = model.preprocessor.tokenizer
    tokenizer.settings = replace(tokenizer.settings, chat_templates={"default": TEMPLATE})
    model.save_to_preset(tmp_path)
    return tmp_path


@every(FIRST_CASES)
def test_transformers_reads_what_is_saved_and_does_the_same(case, folder):
    ours = tokenizer_class(case.family).from_preset(folder)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    assert_same_tokenizer(ours, theirs)
    assert ours.get_config()["engine"] == tokenizer_of(case.family_name).get_config()["engine"]
    for ask in (True, False):
        assert ours.apply_chat_template(CHAT, add_generation_prompt=ask) == (
            theirs.apply_chat_template(CHAT, add_generation_prompt=ask, tokenize=False)
        )


@every(FIRST_CASES)
def test_the_class_for_any_tokenizer_picks_the_family_s(case, folder):
    assert type(Tokenizer.from_preset(folder)) is tokenizer_class(case.family)


@every(FIRST_CASES)
def test_streamed_decoding_is_whole_decoding(case):
    tokenizer = tokenizer_of(case.family_name)
    for text in NASTY_STRINGS:
        ids = tokenizer.encode(text)
        for skip in (True, False):
            stream = tokenizer.stream(skip_special_tokens=skip)
            pieces = [*map(stream.push, ids), stream.finish()]
            assert "".join(pieces) == tokenizer.detokenize(ids, skip_special_tokens=skip), text
            assert not any("\ufffd" in piece for piece in pieces if "\ufffd" not in text), text


PAIRED = ("MultipleChoice", "QuestionAnswering")
"""Tasks of pairs of texts."""


@every_head([(case, head) for case, head in FIRST_HEADS if head.task not in PAIRED])
def test_preprocessors_make_the_inputs_that_transformers_makes(case, head, folder):
    ours = preprocessor_class(case.family, head.task).from_preset(folder)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    theirs.pad_token_id, theirs.padding_side = ours.pad_token_id, "right"
    texts = [*SENTENCES, "A", "horn book"]
    if head.task == "CausalLM":
        length, made = 64, ours.generate_preprocess(texts, sequence_length=64)
    else:
        length, made = 12, ours.predict_preprocess(texts, sequence_length=12)
    expected = theirs(
        texts,
        padding="max_length",
        max_length=length,
        truncation=True,
        return_attention_mask=True,
        return_tensors="np",
    )
    np.testing.assert_array_equal(made["token_ids"], expected["input_ids"])
    np.testing.assert_array_equal(made["padding_mask"], expected["attention_mask"])


@every_head([(case, head) for case, head in FIRST_HEADS if head.task in PAIRED])
def test_preprocessors_join_pairs_as_transformers_does(case, head, folder):
    ours = preprocessor_class(case.family, head.task).from_preset(folder)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    theirs.pad_token_id, theirs.padding_side = ours.pad_token_id, "right"
    prompts, texts = examples(head, SENTENCES)
    if head.task == "MultipleChoice":
        prompts = [prompt for prompt, choices in zip(prompts, texts, strict=True) for _ in choices]
        texts = [choice for choices in texts for choice in choices]
    made = ours(examples(head, SENTENCES), sequence_length=96)
    expected = theirs(
        prompts,
        texts,
        padding="max_length",
        max_length=96,
        return_attention_mask=True,
        return_tensors="np",
    )
    np.testing.assert_array_equal(made["token_ids"].reshape(-1, 96), expected["input_ids"])
    np.testing.assert_array_equal(made["padding_mask"].reshape(-1, 96), expected["attention_mask"])
    if "token_type_ids" in expected:
        segments = made["segment_ids"].reshape(-1, 96)
        np.testing.assert_array_equal(segments, expected["token_type_ids"])


@every(FIRST_CASES)
def test_offsets_are_those_of_transformers(case, folder):
    ours = tokenizer_class(case.family).from_preset(folder)
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    _, offsets = ours.encode_with_offsets(SENTENCES)
    for text, places in zip(SENTENCES, offsets, strict=True):
        expected = theirs(text, add_special_tokens=False, return_offsets_mapping=True)
        for (start, end), token in zip(places, expected["offset_mapping"], strict=True):
            assert text[start:end] == text[slice(*token)].strip()


@pytest.mark.parametrize("family", families().values(), ids=lambda family: family.name)
def test_special_tokens_are_found_by_their_roles(family):
    tokenizer = tokenizer_of(family.name)
    for role, token in family.tokenizer.special_tokens.items():
        assert getattr(tokenizer, role) == token
        assert getattr(tokenizer, f"{role}_id") == tokenizer.token_to_id(token)
    assert type(tokenizer_class(family).from_config(tokenizer.get_config())) is type(tokenizer)


@pytest.mark.parametrize("preset", PACKAGED)
def test_a_real_tokenizer_is_saved_as_transformers_reads_it(preset, tmp_path):
    ours = Tokenizer.from_preset(preset)
    ours.save(tmp_path)
    assert_same_tokenizer(ours, transformers.AutoTokenizer.from_pretrained(tmp_path))
