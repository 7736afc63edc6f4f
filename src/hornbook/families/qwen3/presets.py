"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(size: str, parameters: int) -> Preset:
    return Preset(
        name=f"qwen3_{size.lower()}",
        handle=f"hf://Qwen/Qwen3-{size}",
        parameters=parameters,
        licence="Apache-2.0",
        description=f"Qwen3 {size}, tuned to think before it answers, or not to",
    )


def _base(size: str, parameters: int) -> Preset:
    return Preset(
        name=f"qwen3_{size.lower()}_base",
        handle=f"hf://Qwen/Qwen3-{size}-Base",
        parameters=parameters,
        licence="Apache-2.0",
        description=f"Qwen3 {size}, pretrained",
    )


PRESETS = (
    _preset("0.6B", 596_049_920),
    _base("0.6B", 596_049_920),
    _preset("1.7B", 1_720_574_976),
    _base("1.7B", 1_720_574_976),
    _preset("4B", 4_022_468_096),
    _base("4B", 4_022_468_096),
    _preset("8B", 8_190_735_360),
    _base("8B", 8_190_735_360),
    _preset("14B", 14_768_307_200),
    _base("14B", 14_768_307_200),
    _preset("32B", 32_762_123_264),
    Preset(
        name="qwen3_4b_instruct_2507",
        handle="hf://Qwen/Qwen3-4B-Instruct-2507",
        parameters=4_022_468_096,
        licence="Apache-2.0",
        description="Qwen3 4B of July 2025, instruction-tuned",
    ),
    Preset(
        name="qwen3_4b_thinking_2507",
        handle="hf://Qwen/Qwen3-4B-Thinking-2507",
        parameters=4_022_468_096,
        licence="Apache-2.0",
        description="Qwen3 4B of July 2025, tuned to think before it answers",
    ),
    Preset(
        name="qwen3_embedding_0.6b",
        handle="hf://Qwen/Qwen3-Embedding-0.6B",
        parameters=595_776_512,
        licence="Apache-2.0",
        description="Qwen3 Embedding 0.6B, sentence embeddings in over 100 languages",
    ),
)
