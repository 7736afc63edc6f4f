"""Llama (Touvron et al., 2023) and the models that share its architecture."""

from dataclasses import replace

from hornbook.families.family import Family
from hornbook.families.heads import causal_lm
from hornbook.families.llama import model, weights
from hornbook.families.llama.presets import PRESETS
from hornbook.layers.rope_scaling import RopeScaling
from hornbook.tokenizers import BytePairTokenizer, SentencePieceTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.LlamaConfig(
    vocabulary_size=53,
    num_layers=2,
    num_query_heads=6,
    num_key_value_heads=2,
    hidden_dim=36,
    intermediate_dim=44,
    head_dim=10,
    max_sequence_length=40,
    layer_norm_epsilon=0.01,
    initializer_range=0.3,
)

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
    heads=(causal_lm("LlamaForCausalLM"),),
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
        "biases": replace(_TINY, attention_bias=True, feed_forward_bias=True, activation="gelu"),
        "linear": replace(_TINY, rope_scaling=RopeScaling("linear", 2.0)),
        "llama3": replace(_TINY, rope_scaling=RopeScaling("llama3", 8.0, 1.0, 4.0, 16)),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
