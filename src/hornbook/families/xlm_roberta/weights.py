"""How checkpoints hold the family: config and weights."""

from hornbook.checkpoints.config_map import Field, extend
from hornbook.families import roberta

CONFIG = extend(roberta.FAMILY.config, Field("vocab_size", "vocabulary_size", 30522))
WEIGHTS = roberta.FAMILY.weights
