"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(name: str, handle: str, parameters: int, description: str) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://Qwen/{handle}",
        parameters=parameters,
        licence="Apache-2.0",
        description=description,
    )


PRESETS = (
    _preset(
        "qwen3_30b_a3b",
        "Qwen3-30B-A3B",
        30_532_122_624,
        "Qwen3 MoE, 30B parameters of which 3B are active, tuned to think before it answers",
    ),
    _preset(
        "qwen3_30b_a3b_base",
        "Qwen3-30B-A3B-Base",
        30_532_122_624,
        "Qwen3 MoE, 30B parameters of which 3B are active, pretrained",
    ),
    _preset(
        "qwen3_30b_a3b_instruct_2507",
        "Qwen3-30B-A3B-Instruct-2507",
        30_532_122_624,
        "Qwen3 MoE of July 2025, 30B parameters of which 3B are active, instruction-tuned",
    ),
    _preset(
        "qwen3_235b_a22b",
        "Qwen3-235B-A22B",
        235_093_634_560,
        "Qwen3 MoE, 235B parameters of which 22B are active, tuned to think before it answers",
    ),
)
