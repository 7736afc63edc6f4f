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
    _preset("gemma3_270m", "gemma-3-270m", 268_098_176, "Gemma 3 270M, pretrained"),
    _preset(
        "gemma3_instruct_270m", "gemma-3-270m-it", 268_098_176, "Gemma 3 270M, instruction-tuned"
    ),
    _preset("gemma3_1b", "gemma-3-1b-pt", 999_885_952, "Gemma 3 1B, pretrained"),
    _preset("gemma3_instruct_1b", "gemma-3-1b-it", 999_885_952, "Gemma 3 1B, instruction-tuned"),
)
