"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="f_net_base_en",
        handle="hf://google/fnet-base",
        parameters=82_861_056,
        licence="Apache-2.0",
        description="FNet base, English, case kept",
    ),
    Preset(
        name="f_net_large_en",
        handle="hf://google/fnet-large",
        parameters=236_945_408,
        licence="Apache-2.0",
        description="FNet large, English, case kept",
    ),
)
