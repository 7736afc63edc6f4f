"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="distil_bert_base_en_uncased",
        handle="hf://distilbert/distilbert-base-uncased",
        parameters=66_362_880,
        licence="Apache-2.0",
        description="DistilBERT base, English, lower-cased",
    ),
    Preset(
        name="distil_bert_base_en",
        handle="hf://distilbert/distilbert-base-cased",
        parameters=65_190_912,
        licence="Apache-2.0",
        description="DistilBERT base, English, case kept",
    ),
    Preset(
        name="distil_bert_base_multi",
        handle="hf://distilbert/distilbert-base-multilingual-cased",
        parameters=134_734_080,
        licence="Apache-2.0",
        description="DistilBERT base, 104 languages, case kept",
    ),
)
