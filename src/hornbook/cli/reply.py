"""One generated text, streamed and timed; what `generate` and `chat` have in common."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hornbook.cli import console
from hornbook.cli.arguments import Dtype
from hornbook.errors import GenerationError, TokenizerError

Message = dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What a model wrote, and how long it took.

    Attributes:
        text: without the prompt.
        prompt_tokens: read.
        new_tokens: written.
        first_token_seconds: until the first text came, compiling included.
        seconds: in all.
    """

    text: str
    prompt_tokens: int
    new_tokens: int
    first_token_seconds: float
    seconds: float

    @property
    def tokens_per_second(self) -> float | None:
        """The speed after the first token; None where there is only one."""
        seconds = self.seconds - self.first_token_seconds
        return (self.new_tokens - 1) / seconds if self.new_tokens > 1 and seconds > 0 else None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**asdict(self), "tokens_per_second": self.tokens_per_second}

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


def count_prompt_tokens(model: Any, prompt: str | Sequence[Message]) -> int:
    """How many tokens the model reads of a text or a chat."""
    tokenizer = model.preprocessor.tokenizer
    if not isinstance(prompt, str):
        return len(tokenizer.encode(tokenizer.apply_chat_template(prompt)))
    inputs = model.preprocessor.generate_preprocess(
        prompt, sequence_length=model.backbone.config.max_sequence_length
    )
    return int(inputs["padding_mask"].sum())


def write_reply(
    model: Any,
    prompt: str | Sequence[Message],
    max_new_tokens: int,
    write: Callable[[str], object],
) -> Reply:
    """Generates, hands each piece of text to `write` as it comes, and measures.

    Raises:
        GenerationError: when the prompt leaves no room in the model's context.
    """
    limit = model.backbone.config.max_sequence_length
    prompt_tokens = count_prompt_tokens(model, prompt)
    if prompt_tokens >= limit:
        raise GenerationError(
            f"The prompt has {prompt_tokens} tokens, but the model reads and writes {limit} in all"
        )
    start = time.perf_counter()
    times: list[float] = []
    pieces: list[str] = []
    for piece in model.generate(
        prompt,
        max_length=min(prompt_tokens + max_new_tokens, limit),
        strip_prompt=True,
        stream=True,
    ):
        times.append(time.perf_counter() - start)
        pieces.append(piece)
        write(piece)
    text = "".join(pieces)
    return Reply(
        text=text,
        prompt_tokens=prompt_tokens,
        new_tokens=len(model.preprocessor.tokenizer.encode(text)),
        first_token_seconds=times[0] if times else 0.0,
        seconds=time.perf_counter() - start,
    )
