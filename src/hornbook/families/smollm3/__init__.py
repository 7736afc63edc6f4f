"""SmolLM3 (Bakouch et al., 2025)."""

from dataclasses import replace

from hornbook.families import llama
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.families.layer_types import FULL, SLIDING
from hornbook.families.smollm3 import model, weights
from hornbook.families.smollm3.presets import PRESETS
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.gguf_pre_tokenizers import THREE_DIGITS
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.SmolLM3Config(
    **TINY_SIZES,
    rope_layers=(True, False),
    sliding_window=5,
    layer_types=(FULL, SLIDING),
    start_token_id=1,
    end_token_id=2,
    pad_token_id=3,
)

FAMILY = replace(
    llama.FAMILY,
    name="smollm3",
    prefix="SmolLM3",
    title="SmolLM3",
    paper='Bakouch et al., "SmolLM3: smol, multilingual, long-context reasoner" (2025)',
    hf_types=("smollm3",),
    hf_class="SmolLM3Model",
    config_class=model.SmolLM3Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("SmolLM3ForCausalLM"),
        sequence_classification("SmolLM3ForSequenceClassification"),
    ),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens={"end_token": "<|im_end|>", "pad_token": "<|im_end|>"},
        options={"split_pattern": THREE_DIGITS},
        hf_class="PreTrainedTokenizerFast",
    ),
    tiny={
        "windowed": _TINY,
        "full": replace(_TINY, sliding_window=None, layer_types=(FULL,), tie_word_embeddings=False),
        "attention_bias": replace(_TINY, attention_bias=True),
        "feed_forward_bias": replace(_TINY, feed_forward_bias=True),
    },
    presets=PRESETS,
    gguf=None,
)
