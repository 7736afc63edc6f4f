"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="longformer_base_4096_en",
        handle="hf://allenai/longformer-base-4096",
        parameters=148_659_456,
        licence="Apache-2.0",
        description="Longformer base, English, texts of 4096 tokens",
    ),
    Preset(
        name="longformer_large_4096_en",
        handle="hf://allenai/longformer-large-4096",
        parameters=434_600_960,
        licence="Apache-2.0",
        description="Longformer large, English, texts of 4096 tokens",
    ),
)
