"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(
    name: str,
    handle: str,
    parameters: int,
    description: str,
    owner: str = "openai-community",
    licence: str = "MIT",
) -> Preset:
    return Preset(
        name=name,
        handle=f"hf://{owner}/{handle}",
        parameters=parameters,
        licence=licence,
        description=description,
    )


PRESETS = (
    _preset("gpt2_base_en", "gpt2", 124_439_808, "GPT-2, 12 layers"),
    _preset("gpt2_medium_en", "gpt2-medium", 354_823_168, "GPT-2, 24 layers"),
    _preset("gpt2_large_en", "gpt2-large", 774_030_080, "GPT-2, 36 layers"),
    _preset(
        "distilgpt2_en",
        "distilgpt2",
        81_912_576,
        "DistilGPT2, 6 layers",
        "distilbert",
        "Apache-2.0",
    ),
    _preset("gpt2_extra_large_en", "gpt2-xl", 1_557_611_200, "GPT-2, 48 layers"),
)

UNAVAILABLE = {
    "gpt2_base_en_cnn_dailymail": (
        "'gpt2_base_en', fine-tuned by KerasNLP to write news, was published in KerasNLP's own "
        "format alone. Fine-tune that preset, or load a model from Hugging Face by "
        "hf://owner/name."
    ),
}
