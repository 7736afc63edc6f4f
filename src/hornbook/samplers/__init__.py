"""Samplers: how the next token is chosen from a model's logits.

`get` makes one from a name, a config or an instance, wherever a sampler is an argument.
"""

from hornbook.samplers.beam import BeamSampler
from hornbook.samplers.contrastive import ContrastiveSampler
from hornbook.samplers.greedy import GreedySampler
from hornbook.samplers.min_p import MinPSampler
from hornbook.samplers.random import RandomSampler
from hornbook.samplers.registry import deserialize, get, serialize
from hornbook.samplers.sampler import Sampler
from hornbook.samplers.top_k import TopKSampler
from hornbook.samplers.top_p import TopPSampler
from hornbook.samplers.transforms import (
    FrequencyPenalty,
    LogitBias,
    LogitsTransform,
    NoRepeatNGrams,
    PresencePenalty,
    RepetitionPenalty,
)

__all__ = [
    "BeamSampler",
    "ContrastiveSampler",
    "FrequencyPenalty",
    "GreedySampler",
    "LogitBias",
    "LogitsTransform",
    "MinPSampler",
    "NoRepeatNGrams",
    "PresencePenalty",
    "RandomSampler",
    "RepetitionPenalty",
    "Sampler",
    "TopKSampler",
    "TopPSampler",
    "deserialize",
    "get",
    "serialize",
]
