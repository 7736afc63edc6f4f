"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="xlnet_base_en",
        handle="hf://xlnet/xlnet-base-cased",
        parameters=116_718_336,
        licence="MIT",
        description="XLNet base, English, case kept",
    ),
    Preset(
        name="xlnet_large_en",
        handle="hf://xlnet/xlnet-large-cased",
        parameters=360_268_800,
        licence="MIT",
        description="XLNet large, English, case kept",
    ),
)
