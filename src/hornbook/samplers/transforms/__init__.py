"""Logits transforms: what changes the logits before a sampler picks from them.

Each is a frozen value, and every sampler takes several of them: `TopKSampler(k=5,
transforms=[RepetitionPenalty(1.2), NoRepeatNGrams(3)])`. They are called in their order, before
the temperature.
"""

from hornbook.samplers.transforms.logit_bias import LogitBias
from hornbook.samplers.transforms.no_repeat_ngrams import NoRepeatNGrams
from hornbook.samplers.transforms.penalties import (
    FrequencyPenalty,
    PresencePenalty,
    RepetitionPenalty,
)
from hornbook.samplers.transforms.transform import LogitsTransform

__all__ = [
    "FrequencyPenalty",
    "LogitBias",
    "LogitsTransform",
    "NoRepeatNGrams",
    "PresencePenalty",
    "RepetitionPenalty",
]
