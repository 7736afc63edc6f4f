"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

_SIZES = (
    ("560m", "560m", 559_214_592, 24),
    ("1.1b", "1b1", 1_065_314_304, 24),
    ("1.7b", "1b7", 1_722_408_960, 24),
    ("3b", "3b", 3_002_557_440, 30),
    ("7.1b", "7b1", 7_069_016_064, 30),
)


def _preset(name: str, handle: str, parameters: int, description: str) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://bigscience/{handle}",
        parameters=parameters,
        licence="LicenseRef-BigScience-BLOOM-RAIL-1.0",
        description=description,
    )


PRESETS = (
    *(
        _preset(f"bloom_{size}_multi", f"bloom-{handle}", parameters, f"BLOOM, {layers} layers")
        for size, handle, parameters, layers in _SIZES
    ),
    _preset("bloom_176b_multi", "bloom", 176_247_271_424, "BLOOM, 70 layers"),
    *(
        _preset(
            f"bloomz_{size}_multi",
            f"bloomz-{handle}",
            parameters,
            f"BLOOMZ, {layers} layers, tuned to follow instructions in many languages",
        )
        for size, handle, parameters, layers in _SIZES
    ),
)
