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
    _preset("mistral_7b_en", "Mistral-7B-v0.1", 7_241_732_096, "Mistral 7B v0.1, pretrained"),
    _preset(
        "mistral_instruct_7b_en",
        "Mistral-7B-Instruct-v0.1",
        7_241_732_096,
        "Mistral 7B v0.1, instruction-tuned",
    ),
    _preset(
        "mistral_0.2_instruct_7b_en",
        "Mistral-7B-Instruct-v0.2",
        7_241_732_096,
        "Mistral 7B v0.2, instruction-tuned",
    ),
    _preset(
        "mistral_0.3_7b_en",
        "Mistral-7B-v0.3",
        7_248_023_552,
        "Mistral 7B v0.3, pretrained",
    ),
    _preset(
        "mistral_0.3_instruct_7b_en",
        "Mistral-7B-Instruct-v0.3",
        7_248_023_552,
        "Mistral 7B v0.3, instruction-tuned",
    ),
    _preset(
        "mistral_nemo_instruct_12b",
        "Mistral-Nemo-Instruct-2407",
        12_247_782_400,
        "Mistral Nemo 12B, instruction-tuned",
    ),
)
