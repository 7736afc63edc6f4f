"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(
    name: str, handle: str, parameters: int, description: str, licence: str = "Apache-2.0"
) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://tiiuae/{handle}",
        parameters=parameters,
        licence=licence,
        description=description,
    )


PRESETS = (
    _preset(
        "falcon_refinedweb_1b_en",
        "falcon-rw-1b",
        1_311_625_216,
        "Falcon RefinedWeb, 24 layers, with biases of distances",
    ),
    _preset(
        "falcon_refinedweb_7b_en",
        "falcon-rw-7b",
        7_516_020_736,
        "Falcon RefinedWeb, 36 layers, with biases of distances",
    ),
    _preset("falcon_7b", "falcon-7b", 6_921_720_704, "Falcon, 32 layers"),
    _preset(
        "falcon_7b_instruct",
        "falcon-7b-instruct",
        6_921_720_704,
        "Falcon, 32 layers, instruction-tuned",
    ),
    _preset("falcon_40b", "falcon-40b", 41_303_293_952, "Falcon, 60 layers"),
    _preset(
        "falcon_40b_instruct",
        "falcon-40b-instruct",
        41_303_293_952,
        "Falcon, 60 layers, instruction-tuned",
    ),
    _preset(
        "falcon_180b",
        "falcon-180B",
        178_557_088_768,
        "Falcon, 80 layers",
        "LicenseRef-Falcon-180B-TII",
    ),
)
