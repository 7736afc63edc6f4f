"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="roberta_base_en",
        handle="hf://FacebookAI/roberta-base",
        parameters=124_645_632,
        licence="MIT",
        description="RoBERTa base, English, case kept",
    ),
    Preset(
        name="roberta_large_en",
        handle="hf://FacebookAI/roberta-large",
        parameters=355_359_744,
        licence="MIT",
        description="RoBERTa large, English, case kept",
    ),
    Preset(
        name="distil_roberta_base_en",
        handle="hf://distilbert/distilroberta-base",
        parameters=82_118_400,
        licence="Apache-2.0",
        description="RoBERTa base distilled to six layers, English, case kept",
    ),
)
