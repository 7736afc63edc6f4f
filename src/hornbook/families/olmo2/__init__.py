"""OLMo 2 (Team OLMo, 2025)."""

from dataclasses import replace

from hornbook.families import llama
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.families.olmo2 import model, weights
from hornbook.families.olmo2.presets import PRESETS
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.gguf_pre_tokenizers import THREE_DIGITS
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.Olmo2Config(**TINY_SIZES, end_token_id=2, pad_token_id=3)

FAMILY = replace(
    llama.FAMILY,
    name="olmo2",
    prefix="Olmo2",
    title="OLMo 2",
    paper='Team OLMo, "2 OLMo 2 Furious" (2025)',
    hf_types=("olmo2",),
    hf_class="Olmo2Model",
    config_class=model.Olmo2Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("Olmo2ForCausalLM"),
        sequence_classification("Olmo2ForSequenceClassification"),
    ),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens={
            "start_token": "<|endoftext|>",
            "end_token": "<|endoftext|>",
            "unk_token": "<|endoftext|>",
            "pad_token": "<|pad|>",
        },
        options={"split_pattern": THREE_DIGITS},
        hf_class="PreTrainedTokenizerFast",
    ),
    tiny={
        "untied": _TINY,
        "tied": replace(_TINY, tie_word_embeddings=True),
        "biases": replace(_TINY, attention_bias=True),
    },
    presets=PRESETS,
    gguf=None,
)
