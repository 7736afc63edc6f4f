"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="xlm_roberta_base_multi",
        handle="hf://FacebookAI/xlm-roberta-base",
        parameters=278_043_648,
        licence="MIT",
        description="XLM-RoBERTa base, 100 languages",
    ),
    Preset(
        name="xlm_roberta_large_multi",
        handle="hf://FacebookAI/xlm-roberta-large",
        parameters=559_890_432,
        licence="MIT",
        description="XLM-RoBERTa large, 100 languages",
    ),
    Preset(
        name="multilingual_e5_base",
        handle="hf://intfloat/multilingual-e5-base",
        parameters=278_043_648,
        licence="MIT",
        description="Multilingual E5 base, sentence embeddings in 94 languages",
    ),
    Preset(
        name="multilingual_e5_large",
        handle="hf://intfloat/multilingual-e5-large",
        parameters=559_890_432,
        licence="MIT",
        description="Multilingual E5 large, sentence embeddings in 94 languages",
    ),
)
