"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(name: str, handle: str, parameters: int, description: str) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://mistralai/{handle}",
        parameters=parameters,
        licence="Apache-2.0",
        description=description,
    )


PRESETS = (
    _preset("mixtral_8x7b_en", "Mixtral-8x7B-v0.1", 46_702_792_704, "Mixtral 8x7B, pretrained"),
    _preset(
        "mixtral_8x7b_instruct_en",
        "Mixtral-8x7B-Instruct-v0.1",
        46_702_792_704,
        "Mixtral 8x7B, instruction-tuned",
    ),
    _preset("mixtral_8x22b_en", "Mixtral-8x22B-v0.1", 140_630_071_296, "Mixtral 8x22B, pretrained"),
)
