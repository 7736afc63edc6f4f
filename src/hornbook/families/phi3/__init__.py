"""Phi-3 (Abdin et al., 2024), Phi-3.5 and Phi-4."""

from dataclasses import replace

from hornbook.families import llama
from hornbook.families.gated_decoder import TINY_SIZES
from hornbook.families.heads import causal_lm, sequence_classification
from hornbook.families.phi3 import model, weights
from hornbook.families.phi3.presets import PRESETS
from hornbook.layers.rope_scaling import RopeScaling

_TINY = model.Phi3Config(**TINY_SIZES, sliding_window=None, pad_token_id=None)
_BORDER = RopeScaling(  # which texts of the tests cross
    "longrope", original_length=20, short_factors=(1.0, 1.25), long_factors=(1.5, 3.0)
)
_LONG = RopeScaling(
    "longrope",
    8.0,
    original_length=1,
    attention_factor=1.2,
    short_factors=(1.0, 1.0, 1.25),
    long_factors=(1.5, 2.25, 3.0),
)

FAMILY = replace(
    llama.FAMILY,
    name="phi3",
    prefix="Phi3",
    title="Phi-3",
    paper='Abdin et al., "Phi-3 Technical Report" (2024)',
    hf_types=("phi3",),
    hf_class="Phi3Model",
    config_class=model.Phi3Config,
    build=model.build,
    config=weights.CONFIG,
    weights=weights.WEIGHTS,
    heads=(
        causal_lm("Phi3ForCausalLM"),
        sequence_classification("Phi3ForSequenceClassification"),
    ),
    tokenizer=replace(
        llama.FAMILY.tokenizer,
        special_tokens={
            "start_token": "<s>",
            "end_token": "<|endoftext|>",
            "pad_token": "<|endoftext|>",
            "unk_token": "<unk>",
        },
    ),
    tiny={
        "full": _TINY,
        "short_and_long": replace(
            _TINY, partial_rotary_factor=2 / 3, rope_scaling=_BORDER, tie_word_embeddings=True
        ),
        "windowed": replace(_TINY, sliding_window=5),
        "windowed_long": replace(_TINY, sliding_window=5, rope_scaling=_LONG),
    },
    presets=PRESETS,
    gguf=weights.GGUF,
)
