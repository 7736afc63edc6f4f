import numpy as np

from hornbook.preprocessing import CausalLMPreprocessor, DecoderPreprocessor


def test_rows_have_the_ends_that_are_asked_for(tokenizer):
    preprocessor = DecoderPreprocessor(tokenizer, 5, add_start_token=True, add_end_token=True)
    x = preprocessor(["a b", "a b c d e"])
    assert x["token_ids"].tolist() == [[2, 4, 5, 3, 0], [2, 4, 5, 6, 3]]
    assert x["padding_mask"].tolist() == [[True] * 4 + [False], [True] * 5]


def test_labels_and_weights_pass_through(encoder_tokenizer):
    preprocessor = DecoderPreprocessor(encoder_tokenizer, 4)
    labels, weights = np.array([1, 0]), np.array([0.5, 1.0])
    x, y = preprocessor(["a", "b"], labels)
    assert y is labels
    assert x["token_ids"].shape == (2, 4)
    assert preprocessor(["a", "b"], labels, weights)[2] is weights


def test_both_texts_of_a_pair_have_their_ends(tokenizer):
    preprocessor = DecoderPreprocessor(tokenizer, 8, add_start_token=True, add_end_token=True)
    x = preprocessor((["a b"], ["c"]))
    assert x["token_ids"].tolist() == [[2, 4, 5, 3, 2, 6, 3, 0]]
    x = preprocessor([("a b c d e", "c d"), ("a", "b c d e e")])
    assert x["token_ids"].tolist() == [[2, 4, 5, 3, 2, 6, 7, 3], [2, 4, 3, 2, 5, 6, 7, 3]]


def test_every_family_has_one_of_its_kind_that_makes_no_labels():
    from hornbook import models

    assert issubclass(models.GPT2Preprocessor, DecoderPreprocessor)
    assert not issubclass(models.GPT2Preprocessor, CausalLMPreprocessor)
    assert issubclass(models.BertPreprocessor, models.EncoderPreprocessor)
    assert models.OPTPreprocessor.tokenizer_class is models.OPTTokenizer


def test_a_preset_gives_it():
    from hornbook import models

    preset = "all_minilm_l6_v2_package"
    preprocessor = models.BertPreprocessor.from_preset(preset, sequence_length=6)
    assert preprocessor("A text.")["token_ids"].tolist() == [101, 1037, 3793, 1012, 102, 0]
    again = models.BertPreprocessor.from_config(preprocessor.get_config())
    assert again("A text.")["token_ids"].tolist() == [101, 1037, 3793, 1012, 102, 0]
