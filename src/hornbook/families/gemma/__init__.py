"""Gemma (Gemma Team, 2024)."""

from dataclasses import replace

from hornbook.families import llama
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.gemma import model, weights
from hornbook.families.gemma.presets import PRESETS
from hornbook.families.heads import causal_lm, decoder_embedder, sequence_classification
from hornbook.tokenizers import SentencePieceTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.GemmaConfig(**TINY_SIZES, head_dim=10)

FAMILY = replace(
    llama.FAMILY,
    name="gemma",
    prefix="Gemma",
    title="Gemma",
    paper='Gemma Team, "Gemma: Open Models Based on Gemini Research and Technology" (2024)',
    hf_types=("gemma",),
    hf_class="GemmaModel",
    config_class=model.GemmaConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("GemmaForCausalLM"),
        sequence_classification("GemmaForSequenceClassification"),
        decoder_embedder("GemmaModel"),
    ),
    tokenizer=TokenizerSpec(
        base=SentencePieceTokenizer,
        special_tokens={
            "start_token": "<bos>",
            "end_token": "<eos>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
        },
        hf_class="GemmaTokenizer",
        hf_sentence_piece_class="GemmaTokenizer",
        sentence_piece={"model_type": "bpe", "byte_fallback": True, "as_written": True},
    ),
    tiny={
        "untied": replace(_TINY, tie_word_embeddings=False, activation="silu"),
        "tied": _TINY,
        "biases": replace(_TINY, attention_bias=True),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
