"""Llama (Touvron et al., 2023) and the models that share its architecture."""

from dataclasses import replace

from hornbook.families.family import Family
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, decoder_embedder, sequence_classification
from hornbook.families.llama import model, weights
from hornbook.families.llama.presets import PRESETS
from hornbook.layers.rope_scaling import RopeScaling
from hornbook.tokenizers import BytePairTokenizer, SentencePieceTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.LlamaConfig(**TINY_SIZES, head_dim=10)

FAMILY = Family(
    name="llama",
    prefix="Llama",
    title="Llama",
    paper='Touvron et al., "Llama 2: Open Foundation and Fine-Tuned Chat Models" (2023)',
    hf_types=("llama",),
    hf_class="LlamaModel",
    hf_prefix="model",
    config_class=model.LlamaConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("LlamaForCausalLM"),
        sequence_classification("LlamaForSequenceClassification"),
        decoder_embedder("LlamaModel"),
    ),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens={"start_token": "<s>", "end_token": "</s>", "unk_token": "<unk>"},
        hf_class="PreTrainedTokenizerFast",
        also=(SentencePieceTokenizer,),
        hf_sentence_piece_class="LlamaTokenizer",
    ),
    tiny={
        "untied": _TINY,
        "tied": replace(_TINY, tie_word_embeddings=True),
        "attention_bias": replace(_TINY, attention_bias=True),
        "feed_forward_bias": replace(_TINY, feed_forward_bias=True, activation="gelu"),
        "linear": replace(_TINY, rope_scaling=RopeScaling("linear", 2.0)),
        "dynamic": replace(_TINY, rope_scaling=RopeScaling("dynamic", 2.0, original_length=40)),
        "yarn": replace(_TINY, rope_scaling=RopeScaling("yarn", 4.0, original_length=10)),
        "llama3": replace(_TINY, rope_scaling=RopeScaling("llama3", 8.0, 1.0, 4.0, 16)),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
