"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(name: str, handle: str, parameters: int) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://microsoft/{handle}",
        parameters=parameters,
        licence="MIT",
        description=f"{handle.replace('-', ' ')}, instruction-tuned".replace(" instruct,", ","),
    )


PRESETS = (
    _preset("phi3_mini_4k_instruct_en", "Phi-3-mini-4k-instruct", 3_821_079_552),
    _preset("phi3_mini_128k_instruct_en", "Phi-3-mini-128k-instruct", 3_821_079_552),
    _preset("phi3_medium_4k_instruct_en", "Phi-3-medium-4k-instruct", 13_960_238_080),
    _preset("phi3_medium_128k_instruct_en", "Phi-3-medium-128k-instruct", 13_960_238_080),
    _preset("phi3.5_mini_instruct", "Phi-3.5-mini-instruct", 3_821_079_552),
    _preset("phi4", "phi-4", 14_659_507_200),
    _preset("phi4_mini_instruct", "Phi-4-mini-instruct", 3_836_021_760),
)
