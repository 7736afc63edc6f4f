"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="modernbert_base",
        handle="hf://answerdotai/ModernBERT-base",
        parameters=149_014_272,
        licence="Apache-2.0",
        description="ModernBERT base, English, contexts of 8192 tokens",
    ),
    Preset(
        name="modernbert_large",
        handle="hf://answerdotai/ModernBERT-large",
        parameters=394_781_696,
        licence="Apache-2.0",
        description="ModernBERT large, English, contexts of 8192 tokens",
    ),
)
