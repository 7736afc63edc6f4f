"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

_SIZES = (
    ("14m", 14_067_712, 6),
    ("31m", 30_494_720, 6),
    ("70m", 70_426_624, 6),
    ("160m", 162_322_944, 12),
    ("410m", 405_334_016, 24),
    ("1b", 1_011_781_632, 16),
    ("1.4b", 1_414_647_808, 24),
    ("2.8b", 2_775_208_960, 32),
    ("6.9b", 6_857_302_016, 32),
    ("12b", 11_846_072_320, 36),
)


def _preset(name: str, handle: str, parameters: int, description: str) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://EleutherAI/{handle}",
        parameters=parameters,
        licence="Apache-2.0",
        description=description,
    )


PRESETS = (
    *(
        _preset(f"pythia_{size}_en", f"pythia-{size}", parameters, f"Pythia, {layers} layers")
        for size, parameters, layers in _SIZES
    ),
    *(
        _preset(
            f"pythia_{size}_deduped_en",
            f"pythia-{size}-deduped",
            parameters,
            f"Pythia, {layers} layers, trained on deduplicated text",
        )
        for size, parameters, layers in _SIZES[2:]
    ),
    _preset("gpt_neox_20b_en", "gpt-neox-20b", 20_554_567_680, "GPT-NeoX, 44 layers"),
)
