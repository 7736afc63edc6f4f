"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="smollm3_3b",
        handle="hf://HuggingFaceTB/SmolLM3-3B",
        parameters=3_075_098_624,
        licence="Apache-2.0",
        description="SmolLM3 3B, tuned to think before it answers, or not to",
    ),
    Preset(
        name="smollm3_3b_base",
        handle="hf://HuggingFaceTB/SmolLM3-3B-Base",
        parameters=3_075_098_624,
        licence="Apache-2.0",
        description="SmolLM3 3B, pretrained",
    ),
)
