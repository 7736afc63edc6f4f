"""Tokens have global attention by themselves where the original gives it to them by itself."""

import pytest

from conformance import originals
from conformance.cases import FIRST_HEADS, every_head
from conformance.closeness import assert_same_outputs
from conformance.vocabularies import SENTENCES, examples, tokenizer_of, with_tokenizer

pytestmark = pytest.mark.behaviour

WITH_GLOBAL_TOKENS = [
    (case, head) for case, head in FIRST_HEADS if head.layers and head.layers.global_tokens
]


@every_head(WITH_GLOBAL_TOKENS)
def test_texts_alone_bring_the_original_s_global_tokens(case, head, tmp_path):
    tokenizer = tokenizer_of(case.family_name)
    ids = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "start")}
    model = with_tokenizer(case, head, separator_token_id=tokenizer.sep_token_id, **ids)
    model.save_to_preset(tmp_path)
    config = model.backbone.config
    original = originals.original(case, head.hf_class, config)
    original = type(original).from_pretrained(tmp_path, attn_implementation="eager").eval()
    inputs = model.preprocessor.predict_preprocess(examples(head, SENTENCES), sequence_length=36)
    alone = {name: value for name, value in inputs.items() if name != "global_positions"}
    theirs = originals.run(original, alone)
    assert_same_outputs(head, model(inputs), theirs, inputs["padding_mask"])
    if head.layers.global_tokens != "first":
        with pytest.raises(ValueError, match="global_positions"):
            model(alone)
