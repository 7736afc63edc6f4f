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
    _preset("gemma_2b_en", "gemma-2b", 2_506_172_416, "Gemma 2B, pretrained"),
    _preset("gemma_instruct_2b_en", "gemma-2b-it", 2_506_172_416, "Gemma 2B, instruction-tuned"),
    _preset(
        "gemma_1.1_instruct_2b_en",
        "gemma-1.1-2b-it",
        2_506_172_416,
        "Gemma 1.1 2B, instruction-tuned",
    ),
    _preset("gemma_7b_en", "gemma-7b", 8_537_680_896, "Gemma 7B, pretrained"),
    _preset("gemma_instruct_7b_en", "gemma-7b-it", 8_537_680_896, "Gemma 7B, instruction-tuned"),
    _preset(
        "gemma_1.1_instruct_7b_en",
        "gemma-1.1-7b-it",
        8_537_680_896,
        "Gemma 1.1 7B, instruction-tuned",
    ),
    _preset(
        "code_gemma_1.1_2b_en", "codegemma-1.1-2b", 2_506_172_416, "CodeGemma 1.1 2B, pretrained"
    ),
    _preset("code_gemma_2b_en", "codegemma-2b", 2_506_172_416, "CodeGemma 2B, pretrained"),
    _preset("code_gemma_7b_en", "codegemma-7b", 8_537_680_896, "CodeGemma 7B, pretrained"),
    _preset(
        "code_gemma_instruct_7b_en",
        "codegemma-7b-it",
        8_537_680_896,
        "CodeGemma 7B, instruction-tuned",
    ),
    _preset(
        "code_gemma_1.1_instruct_7b_en",
        "codegemma-1.1-7b-it",
        8_537_680_896,
        "CodeGemma 1.1 7B, instruction-tuned",
    ),
)
