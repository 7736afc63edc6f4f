"""A small encoder that reads a few words."""

import keras

from hornbook.families.classes import preprocessor_class
from hornbook.families.registry import families
from hornbook.models import BertBackbone, BertTokenizer
from hornbook.tokenizers import compute_word_piece_vocabulary

TEXTS = [
    "Ada Lovelace met Charles Babbage in London .",
    "In Zürich , Albert Einstein studied physics .",
    "Nobody was there .",
    "Later Marie Curie moved from Warsaw to Paris .",
]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def tokenizer(size=120):
    return BertTokenizer(compute_word_piece_vocabulary(TEXTS, size, reserved_tokens=SPECIAL))


def tiny(task_class, sequence_length=24, preprocessing=None, **options):
    """A task over a fresh encoder without dropout, which learns in a few steps."""
    keras.utils.set_random_seed(1)
    vocabulary = tokenizer()
    backbone = BertBackbone(
        vocabulary_size=vocabulary.vocabulary_size(), num_layers=1, num_heads=2, hidden_dim=24,
        intermediate_dim=32, max_sequence_length=64, dropout=0.0, attention_dropout=0.0,
        initializer_range=0.2,
    )  # fmt: skip
    reader = preprocessor_class(families()["bert"], task_class.name_in_families)
    preprocessor = reader(vocabulary, sequence_length=sequence_length, **(preprocessing or {}))
    task = task_class(backbone, preprocessor, **options)
    task.optimizer.learning_rate = 0.01
    return task
