"""A small language model with a tokenizer."""

from dataclasses import replace

import keras

from hornbook.models import GPT2Backbone, GPT2CausalLM, GPT2CausalLMPreprocessor, GPT2Tokenizer
from hornbook.tokenizers import compute_byte_pair_vocabulary

TEXTS = ["A horn", "Whoever reads the page — reads ♥ it", "z"]
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
MAXIMUM = 48


def tiny_task():
    vocabulary, merges = compute_byte_pair_vocabulary(TEXTS, 290, reserved_tokens=["<|endoftext|>"])
    # The special token stands last, so that 0, which rows are filled up with, is one like others.
    tokens = sorted(vocabulary, key=lambda token: (token == "<|endoftext|>", vocabulary[token]))
    vocabulary = {token: id for id, token in enumerate(tokens)}
    tokenizer = GPT2Tokenizer(vocabulary, merges)
    tokenizer.settings = replace(tokenizer.settings, chat_templates={"default": TEMPLATE})
    keras.utils.set_random_seed(8)
    backbone = GPT2Backbone(
        vocabulary_size=len(vocabulary),
        num_layers=2,
        num_heads=2,
        hidden_dim=12,
        intermediate_dim=20,
        max_sequence_length=MAXIMUM,
        initializer_range=0.6,
    )
    task = GPT2CausalLM(backbone, GPT2CausalLMPreprocessor(tokenizer, sequence_length=40))
    task.compile(sampler="greedy")
    return task
