"""One generated text, streamed and timed; what `generate` and `chat` have in common."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from hornbook.cli import console
from hornbook.cli.arguments import Dtype
from hornbook.errors import GenerationError, TokenizerError

if TYPE_CHECKING:
    from hornbook.generation import GeneratedStep
    from hornbook.generation.prompts import Prompts

Message = dict[str, str]

DRAFTED_WINDOW = 16
"""With a draft several tokens come at once, so that the pace is measured over as many."""


@dataclass(frozen=True)
class Reply:
    """What a model wrote, and how long it took.

    Attributes:
        text: without the prompt.
        prompt_tokens: read.
        new_tokens: written.
        first_token_seconds: until the first token came, compiling included.
        seconds: until the last one.
        tokens_per_second: at the median pace, which compiling doesn't change; None for one token.
    """

    text: str
    prompt_tokens: int
    new_tokens: int
    first_token_seconds: float
    seconds: float
    tokens_per_second: float | None

    def __str__(self) -> str:
        speed = self.tokens_per_second
        rate = "" if speed is None else f", {speed:.1f} tokens/s"
        return f"{self.new_tokens} tokens{rate}, the first after {self.first_token_seconds:.1f} s"


def load(model: str, dtype: Dtype | None) -> Any:
    """Loads a language model with its tokenizer, saying so meanwhile."""
    console.quiet_libraries()
    with console.stderr().status(f"loading {model}"):
        from hornbook.models import CausalLM

        loaded = CausalLM.from_preset(model, dtype=dtype and dtype.value)
    if loaded.preprocessor is None:
        raise TokenizerError(f"{model} has no tokenizer, so it can't read or write text")
    return loaded


def load_draft(draft: str | None, dtype: Dtype | None) -> Any:
    """What `--draft` names: a way to guess, or a model, which is loaded."""
    return draft if draft in (None, "prompt_lookup") else load(str(draft), dtype)


def write_reply(
    model: Any,
    prompt: str | Sequence[Message],
    write: Callable[[str], object],
    *,
    max_new_tokens: int,
    stop_strings: Sequence[str] = (),
    sampler: Any = None,
    seed: int | None = None,
    draft: Any = None,
) -> Reply:
    """Generates, hands each piece of text to `write` as it comes, and measures.

    Args:
        model: a causal language model with a preprocessor.
        prompt: a text, or a chat.
        write: takes the text, piece by piece.
        max_new_tokens: how many tokens are made at most; fewer where the context ends.
        stop_strings: the text ends before the first of them.
        sampler: instead of the model's own.
        seed: of the random numbers.
        draft: guesses tokens: "prompt_lookup", or a smaller model.

    Raises:
        GenerationError: when the prompt leaves no room in the model's context.
    """
    from hornbook.generation.speculation import DRAFT_TOKENS
    from hornbook.generation.text import check_draft_positions, drafted, resolve_stop_token_ids
    from hornbook.generation.text_stream import TextRows, read_stop_strings, stream_texts

    prompts, limit = _read(model, prompt)
    limit = min(prompts.lengths[0] + max_new_tokens, limit)
    check_draft_positions(draft, limit)
    engine, sampler = drafted(model.engine, sampler or model.sampler, draft, DRAFT_TOKENS)
    start = time.perf_counter()
    times: list[float] = []

    def timed(steps: Iterator["GeneratedStep"]) -> Iterator["GeneratedStep"]:
        for step in steps:
            times.append(time.perf_counter() - start)
            yield step

    strings = read_stop_strings(stop_strings)
    rows = TextRows(model.preprocessor.tokenizer, prompts, prompts.lengths, strings)
    steps = engine.stream(
        prompts.token_ids,
        prompts.lengths,
        limits=limit,
        sampler=sampler,
        stop_token_ids=resolve_stop_token_ids(model, "auto"),
        seed=seed,
        stopper=rows.push,
    )
    pieces: list[str] = []
    for piece in stream_texts(rows, timed(steps)):
        pieces.append(piece)
        write(piece)
    return Reply(
        text="".join(pieces),
        prompt_tokens=int(prompts.lengths[0]),
        new_tokens=len(times),
        first_token_seconds=times[0],
        seconds=times[-1],
        tokens_per_second=_speed(times, 1 if draft is None else DRAFTED_WINDOW),
    )


def _speed(times: list[float], window: int) -> float | None:
    """Tokens a second at the median pace of `window` tokens that follow each other."""
    window = min(window, len(times) - 1)
    if window < 1:
        return None
    spans = [later - earlier for earlier, later in zip(times, times[window:], strict=False)]
    return window / median(spans)


def _read(model: Any, prompt: str | Sequence[Message]) -> tuple["Prompts", int]:
    """The prompt's tokens, and how many the model reads and writes in all."""
    from hornbook.generation.prompts import read_prompts

    limit = int(model.backbone.config.max_sequence_length)
    prompts = read_prompts(model.preprocessor, prompt, limit)
    if prompts.lengths[0] >= limit:
        raise GenerationError(
            f"The prompt has {prompts.lengths[0]} tokens, but the model reads and writes {limit} "
            "in all"
        )
    return prompts, limit
