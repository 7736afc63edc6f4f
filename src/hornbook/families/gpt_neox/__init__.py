"""GPT-NeoX (Black et al., 2022) and Pythia, which shares its architecture."""

from dataclasses import replace

from hornbook.families.family import Family
from hornbook.families.gpt_neox import model, weights
from hornbook.families.gpt_neox.presets import PRESETS
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.layers.rope_scaling import RopeScaling
from hornbook.tokenizers import BytePairTokenizer
from hornbook.tokenizers.spec import TokenizerSpec

_TINY = model.GPTNeoXConfig(
    vocabulary_size=53,
    num_layers=2,
    num_heads=3,
    hidden_dim=30,
    intermediate_dim=44,
    max_sequence_length=40,
    activation="gelu",
    partial_rotary_factor=0.4,
    layer_norm_epsilon=0.01,
    initializer_range=0.3,
)

FAMILY = Family(
    name="gpt_neox",
    prefix="GPTNeoX",
    title="GPT-NeoX",
    paper='Black et al., "GPT-NeoX-20B: An Open-Source Autoregressive Language Model" (2022)',
    hf_types=("gpt_neox",),
    hf_class="GPTNeoXModel",
    hf_prefix="gpt_neox",
    config_class=model.GPTNeoXConfig,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("GPTNeoXForCausalLM", "embed_out.weight"),
        sequence_classification("GPTNeoXForSequenceClassification"),
    ),
    tokenizer=TokenizerSpec(
        base=BytePairTokenizer,
        special_tokens=dict.fromkeys(
            ("start_token", "end_token", "pad_token", "unk_token"), "<|endoftext|>"
        ),
    ),
    tiny={
        "parallel": _TINY,
        "without_biases": replace(_TINY, attention_bias=False),
        "sequential": replace(
            _TINY,
            parallel=False,
            attention_bias=False,
            tie_word_embeddings=True,
            partial_rotary_factor=1.0,
            rope_scaling=RopeScaling("linear", 2.0),
        ),
    },
    presets=PRESETS,
)
