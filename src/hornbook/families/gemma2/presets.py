"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(name: str, handle: str, parameters: int, description: str) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://google/{handle}",
        parameters=parameters,
        licence="LicenseRef-Gemma",
        description=description,
    )


PRESETS = (
    _preset("gemma2_2b_en", "gemma-2-2b", 2_614_341_888, "Gemma 2 2B, pretrained"),
    _preset(
        "gemma2_instruct_2b_en", "gemma-2-2b-it", 2_614_341_888, "Gemma 2 2B, instruction-tuned"
    ),
    _preset("gemma2_9b_en", "gemma-2-9b", 9_241_705_984, "Gemma 2 9B, pretrained"),
    _preset(
        "gemma2_instruct_9b_en", "gemma-2-9b-it", 9_241_705_984, "Gemma 2 9B, instruction-tuned"
    ),
    _preset("gemma2_27b_en", "gemma-2-27b", 27_227_128_320, "Gemma 2 27B, pretrained"),
    _preset(
        "gemma2_instruct_27b_en",
        "gemma-2-27b-it",
        27_227_128_320,
        "Gemma 2 27B, instruction-tuned",
    ),
)
