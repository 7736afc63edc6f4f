"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _presets(size: str, handle: str, parameters: int) -> list[Preset]:
    """A pretrained model and the one that was tuned on instructions."""
    return [
        Preset(
            name=f"olmo2_{size.lower()}{suffix}",
            handle=f"hf://allenai/{handle}{hf_suffix}",
            parameters=parameters,
            licence="Apache-2.0",
            description=f"OLMo 2 {size}, {how}",
        )
        for suffix, hf_suffix, how in (
            ("", "", "pretrained"),
            ("_instruct", "-Instruct", "instruction-tuned"),
        )
    ]


PRESETS = (
    *_presets("1B", "OLMo-2-0425-1B", 1_484_916_736),
    *_presets("7B", "OLMo-2-1124-7B", 7_298_617_344),
    *_presets("13B", "OLMo-2-1124-13B", 13_716_198_400),
    *_presets("32B", "OLMo-2-0325-32B", 32_234_279_936),
)
