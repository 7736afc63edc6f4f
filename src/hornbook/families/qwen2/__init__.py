"""Qwen2 and Qwen2.5 (Yang et al., 2024)."""

from dataclasses import replace

from hornbook.families import llama
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, decoder_embedder, sequence_classification
from hornbook.families.layer_types import FULL, SLIDING
from hornbook.families.qwen2 import model, weights
from hornbook.families.qwen2.presets import PRESETS
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.gguf_pre_tokenizers import ONE_DIGIT
from hornbook.tokenizers.spec import TokenizerSpec

TOKENIZER = TokenizerSpec(
    base=BytePairTokenizer,
    special_tokens=dict.fromkeys(("end_token", "pad_token", "unk_token"), "<|endoftext|>"),
    options={"split_pattern": ONE_DIGIT, "normalization": "NFC"},
    hf_class="Qwen2Tokenizer",
)

_TINY = model.Qwen2Config(**TINY_SIZES, sliding_window=5, layer_types=(FULL, SLIDING))

FAMILY = replace(
    llama.FAMILY,
    name="qwen2",
    prefix="Qwen2",
    title="Qwen2",
    paper='Yang et al., "Qwen2 Technical Report" (2024)',
    hf_types=("qwen2",),
    hf_class="Qwen2Model",
    config_class=model.Qwen2Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("Qwen2ForCausalLM"),
        sequence_classification("Qwen2ForSequenceClassification"),
        decoder_embedder("Qwen2Model"),
    ),
    tokenizer=TOKENIZER,
    tiny={
        "windowed": _TINY,
        "full": replace(_TINY, sliding_window=None, layer_types=(FULL,), tie_word_embeddings=True),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
