"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = tuple(
    Preset(
        name=f"albert_{size}_en_uncased",
        handle=f"hf://albert/albert-{original}-v2",
        parameters=parameters,
        licence="Apache-2.0",
        description=f"ALBERT {original}, version 2, English, lower-cased",
    )
    for size, original, parameters in (
        ("base", "base", 11_683_584),
        ("large", "large", 17_683_968),
        ("extra_large", "xlarge", 58_724_864),
        ("extra_extra_large", "xxlarge", 222_595_584),
    )
)
