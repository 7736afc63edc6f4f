"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _presets(name: str, handle: str, parameters: int, licence: str = "Apache-2.0") -> list[Preset]:
    """A pretrained model and the one that was tuned on instructions."""
    return [
        Preset(
            name=name + suffix,
            handle=f"hf://Qwen/{handle}{hf_suffix}",
            parameters=parameters,
            licence=licence,
            description=f"{handle.replace('-', ' ')}, {how}",
        )
        for suffix, hf_suffix, how in (
            ("", "", "pretrained"),
            ("_instruct", "-Instruct", "instruction-tuned"),
        )
    ]


PRESETS = (
    *_presets("qwen2_0.5b", "Qwen2-0.5B", 494_032_768),
    *_presets("qwen2_1.5b", "Qwen2-1.5B", 1_543_714_304),
    *_presets("qwen2_7b", "Qwen2-7B", 7_615_616_512),
    *_presets("qwen2.5_0.5b", "Qwen2.5-0.5B", 494_032_768),
    *_presets("qwen2.5_1.5b", "Qwen2.5-1.5B", 1_543_714_304),
    *_presets("qwen2.5_3b", "Qwen2.5-3B", 3_085_938_688, "LicenseRef-Qwen-Research"),
    *_presets("qwen2.5_7b", "Qwen2.5-7B", 7_615_616_512),
    *_presets("qwen2.5_14b", "Qwen2.5-14B", 14_770_033_664),
    *_presets("qwen2.5_32b", "Qwen2.5-32B", 32_763_876_352),
    *_presets("qwen2.5_72b", "Qwen2.5-72B", 72_706_203_648, "LicenseRef-Qwen"),
)
