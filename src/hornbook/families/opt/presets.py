"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(name: str, handle: str, parameters: int, description: str) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://facebook/{handle}",
        parameters=parameters,
        licence="LicenseRef-OPT-175B",
        description=description,
    )


# The main branches were seen to hold pickled weights, which are never loaded: where they still do,
# convert them with transformers, or name a revision that holds safetensors.
PRESETS = (
    _preset("opt_125m_en", "opt-125m", 125_239_296, "OPT, 12 layers"),
    _preset("opt_350m_en", "opt-350m", 331_196_416, "OPT, 24 layers, normalised after each part"),
    _preset("opt_1.3b_en", "opt-1.3b", 1_315_758_080, "OPT, 24 layers"),
    _preset("opt_2.7b_en", "opt-2.7b", 2_651_596_800, "OPT, 32 layers"),
    _preset("opt_6.7b_en", "opt-6.7b", 6_658_473_984, "OPT, 32 layers"),
    _preset("opt_13b_en", "opt-13b", 12_853_473_280, "OPT, 40 layers"),
    _preset("opt_30b_en", "opt-30b", 29_974_540_288, "OPT, 48 layers"),
    _preset("opt_66b_en", "opt-66b", 65_719_701_504, "OPT, 64 layers"),
)
