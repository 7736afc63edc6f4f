"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = tuple(
    Preset(
        name=f"electra_{size}_{kind}_uncased_en",
        handle=f"hf://google/electra-{size}-{kind}",
        parameters=parameters,
        licence="Apache-2.0",
        description=f"ELECTRA {size} {kind}, English, lower-cased",
    )
    for size, kind, parameters in (
        ("small", "discriminator", 13_483_008),
        ("small", "generator", 13_483_008),
        ("base", "discriminator", 108_891_648),
        ("base", "generator", 33_511_168),
        ("large", "discriminator", 334_092_288),
        ("large", "generator", 50_999_552),
    )
)
