"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="deberta_v3_extra_small_en",
        handle="hf://microsoft/deberta-v3-xsmall",
        parameters=70_682_112,
        licence="MIT",
        description="DeBERTaV3 extra small, English, case kept",
    ),
    Preset(
        name="deberta_v3_small_en",
        handle="hf://microsoft/deberta-v3-small",
        parameters=141_304_320,
        licence="MIT",
        description="DeBERTaV3 small, English, case kept",
    ),
    Preset(
        name="deberta_v3_base_en",
        handle="hf://microsoft/deberta-v3-base",
        parameters=183_831_552,
        licence="MIT",
        description="DeBERTaV3 base, English, case kept",
    ),
    Preset(
        name="deberta_v3_large_en",
        handle="hf://microsoft/deberta-v3-large",
        parameters=434_012_160,
        licence="MIT",
        description="DeBERTaV3 large, English, case kept",
    ),
    Preset(
        name="deberta_v3_base_multi",
        handle="hf://microsoft/mdeberta-v3-base",
        parameters=278_218_752,
        licence="MIT",
        description="DeBERTaV3 base, 100 languages, case kept",
    ),
)
