"""Named checkpoints; data only."""

from hornbook.checkpoints.source import Preset

PRESETS = (
    Preset(
        name="mpnet_base_en_uncased",
        handle="hf://microsoft/mpnet-base",
        parameters=109_486_464,
        licence="MIT",
        description="MPNet base, English, lower-cased",
    ),
    Preset(
        name="all_mpnet_base_v2",
        handle="hf://sentence-transformers/all-mpnet-base-v2",
        parameters=109_486_464,
        licence="Apache-2.0",
        description="all-mpnet-base-v2 sentence embeddings",
    ),
    Preset(
        name="multi_qa_mpnet_base_dot_v1",
        handle="hf://sentence-transformers/multi-qa-mpnet-base-dot-v1",
        parameters=109_486_464,
        licence="Apache-2.0",
        description="multi-qa-mpnet-base-dot-v1 embeddings of questions and passages",
    ),
)
