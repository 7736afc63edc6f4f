"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="qwen1.5_moe_2.7b_en",
        handle="hf://Qwen/Qwen1.5-MoE-A2.7B",
        parameters=14_315_784_192,
        licence="LicenseRef-Tongyi-Qianwen",
        description="Qwen1.5 MoE, 14.3B parameters of which 2.7B are active, pretrained",
    ),
    Preset(
        name="qwen1.5_moe_2.7b_chat",
        handle="hf://Qwen/Qwen1.5-MoE-A2.7B-Chat",
        parameters=14_315_784_192,
        licence="LicenseRef-Tongyi-Qianwen",
        description="Qwen1.5 MoE, 14.3B parameters of which 2.7B are active, tuned for chats",
    ),
    Preset(
        name="qwen2_57b_a14b_instruct",
        handle="hf://Qwen/Qwen2-57B-A14B-Instruct",
        parameters=57_409_284_096,
        licence="Apache-2.0",
        description="Qwen2 MoE, 57B parameters of which 14B are active, instruction-tuned",
    ),
)
