import json

import numpy as np
import pytest

from hornbook import models
from hornbook.errors import DataError, GenerationError, HornbookWarning
from hornbook.preprocessing import CausalLMPreprocessor

TEXTS = ["a b c", "d", "e d c b a a b"]


def test_labels_are_the_text_one_token_further_and_weights_are_zero_on_padding(tokenizer):
    x, y, weights = CausalLMPreprocessor(tokenizer, sequence_length=4)(TEXTS)
    assert x["token_ids"].tolist() == [[4, 5, 6, 0], [7, 0, 0, 0], [8, 7, 6, 5]]
    assert x["padding_mask"].tolist() == [[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]]
    assert y.tolist() == [[5, 6, 0, 0], [0, 0, 0, 0], [7, 6, 5, 4]]
    assert weights.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [1, 1, 1, 1]]
    dtypes = [array.dtype.name for array in (*x.values(), y, weights)]
    assert dtypes == ["int32", "bool", "int32", "float32"]


def test_ends_are_added_when_asked_and_kept_when_the_text_is_cut(tokenizer):
    preprocessor = CausalLMPreprocessor(
        tokenizer, sequence_length=4, add_start_token=True, add_end_token=True
    )
    x, y, weights = preprocessor(["a", "a b c d e"])
    assert x["token_ids"].tolist() == [[2, 4, 3, 0], [2, 4, 5, 6]]
    assert y.tolist() == [[4, 3, 0, 0], [4, 5, 6, 3]]
    assert weights.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


def test_ends_are_what_the_original_tokenizer_adds_by_default(tokenizer, monkeypatch):
    assert CausalLMPreprocessor(tokenizer)("a")[0]["token_ids"][:2].tolist() == [4, 0]
    monkeypatch.setattr(type(tokenizer), "adds_start_token", True)
    assert CausalLMPreprocessor(tokenizer)("a")[0]["token_ids"][:2].tolist() == [2, 4]
    preprocessor = CausalLMPreprocessor(tokenizer, add_start_token=False)
    assert preprocessor("a")[0]["token_ids"][:2].tolist() == [4, 0]


def test_the_families_add_what_their_original_tokenizers_add():
    vocabulary = {"<pad>": 1, "</s>": 2, "<|endoftext|>": 3, "a": 4}
    for family, added in (("GPT2", []), ("OPT", [2])):
        tokenizer = getattr(models, f"{family}Tokenizer")(vocabulary, merges=[])
        preprocessor = getattr(models, f"{family}CausalLMPreprocessor")(tokenizer)
        made = preprocessor.generate_preprocess("a")
        assert made["token_ids"][made["padding_mask"]].tolist() == [*added, 4]


def test_a_missing_end_token_is_named(encoder_tokenizer):
    with pytest.raises(DataError, match="no end token"):
        CausalLMPreprocessor(encoder_tokenizer, add_end_token=True)


def test_every_form_of_text_gives_the_same(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=5)
    expected = preprocessor(TEXTS)[0]["token_ids"]
    for form in (
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, object),
        [t.encode() for t in TEXTS],
    ):
        np.testing.assert_array_equal(preprocessor(form)[0]["token_ids"], expected)
    one = preprocessor(TEXTS[0])
    np.testing.assert_array_equal(one[0]["token_ids"], expected[0])
    assert one[2].shape == (5,)


def test_a_weight_weighs_the_tokens_of_its_text(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=3)
    weights = preprocessor(["a b", "a b c d"], sample_weight=[0.5, 2])[2]
    assert weights.tolist() == [[0.5, 0, 0], [2, 2, 2]]


def test_labels_beside_the_text_are_ignored_with_a_warning(tokenizer):
    with pytest.warns(HornbookWarning, match="ignored"):
        CausalLMPreprocessor(tokenizer)(["a"], y=[1])


def test_padding_to_the_longest_keeps_every_token(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=64)
    texts = ["a " * 19, "b"]
    long, short = preprocessor(texts), preprocessor(texts, pad_to="longest")
    assert short[0]["token_ids"].shape == short[1].shape == (2, 24)
    assert short[2].sum() == long[2].sum() == 18
    with pytest.raises(DataError, match="'longest'"):
        preprocessor(texts, pad_to="max")


def test_prompts_are_neither_shifted_nor_ended(tokenizer):
    preprocessor = CausalLMPreprocessor(
        tokenizer, sequence_length=4, add_start_token=True, add_end_token=True
    )
    x = preprocessor.generate_preprocess(["a b", "c"])
    assert x["token_ids"].tolist() == [[2, 4, 5, 0], [2, 6, 0, 0]]
    assert x["padding_mask"].tolist() == [[1, 1, 1, 0], [1, 1, 0, 0]]
    assert preprocessor.generate_preprocess("a", sequence_length=3)["token_ids"].tolist() == [
        2,
        4,
        0,
    ]


def test_a_prompt_that_does_not_fit_is_an_error_not_cut(tokenizer):
    with pytest.raises(GenerationError, match="5 tokens, but the sequence length is 4"):
        CausalLMPreprocessor(tokenizer, sequence_length=4).generate_preprocess("a b c d e")


def test_generated_tokens_become_text_without_padding_and_special_tokens(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=6, add_start_token=True)
    x = preprocessor.generate_preprocess(["a b", "c"])
    assert preprocessor.generate_postprocess(x) == ["a b", "c"]
    one = {name: array[0] for name, array in x.items()}
    assert preprocessor.generate_postprocess(one) == "a b"
    masked = {"token_ids": [[4, 5, 6]], "padding_mask": [[True, True, False]]}
    assert preprocessor.generate_postprocess(masked) == ["a b"]


def test_pairs_are_refused(tokenizer):
    with pytest.raises(DataError, match="one text a row"):
        CausalLMPreprocessor(tokenizer)((["a"], ["b"]))


def test_config_is_json_and_builds_an_equal_preprocessor(tokenizer):
    preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=7, add_start_token=True)
    copy = CausalLMPreprocessor.from_config(json.loads(json.dumps(preprocessor.get_config())))
    assert copy.get_config() == preprocessor.get_config()
    np.testing.assert_array_equal(copy(TEXTS)[1], preprocessor(TEXTS)[1])
