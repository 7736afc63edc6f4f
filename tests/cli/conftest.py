"""Runs commands in this process, as the installed `hornbook` does."""

import json
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tokenizers.pre_tokenizers import ByteLevel

from hornbook.cli import main, reply

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit status and what it wrote."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def hornbook(monkeypatch, capsys):
    """A function that runs `hornbook` with arguments and returns its outcome."""
    # Commands set the process's warning filters and display; the tests' own come back afterwards.
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["hornbook", *map(str, arguments)])
        capsys.readouterr()
        with warnings.catch_warnings(), pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Outcome(stop.value.code or 0, captured.out, captured.err)

    return run


# A model that is loaded again is also compiled again.
load_once = cache(reply.load)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    """The folder of a random language model whose tokens are bytes."""
    from hornbook.models import GPT2Backbone, GPT2CausalLM, GPT2CausalLMPreprocessor, GPT2Tokenizer

    tokens = ["<|endoftext|>", *sorted(ByteLevel.alphabet())]
    tokenizer = GPT2Tokenizer({token: index for index, token in enumerate(tokens)}, merges=[])
    backbone = GPT2Backbone(
        vocabulary_size=257,
        num_layers=1,
        num_heads=2,
        hidden_dim=16,
        max_sequence_length=64,
        initializer_range=0.5,
        start_token_id=0,
        end_token_id=0,
    )
    preprocessor = GPT2CausalLMPreprocessor(tokenizer, sequence_length=64)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    GPT2CausalLM(backbone, preprocessor).save_to_preset(folder)
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    return folder


@pytest.fixture
def loaded_once(monkeypatch):
    """Commands of all tests that ask for this load a model only once."""
    from hornbook.cli import chat, generate

    for command in (chat, generate):
        monkeypatch.setattr(command, "load", load_once)
