"""`hornbook chat`: a conversation in the terminal, or one message a line from a pipe."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated

import typer

from hornbook.cli import console
from hornbook.cli.arguments import DtypeOption, MaxNewTokensOption, ModelArgument, StopOption
from hornbook.cli.reply import Message, Reply, load, load_draft, write_reply
from hornbook.cli.sampling import Sampling, takes_sampling
from hornbook.errors import GenerationError, TokenizerError

HELP = "/clear starts anew, /exit or Ctrl-D ends, Ctrl-C stops an answer."


def messages_of_user() -> Iterator[str]:
    """Lines of stdin that hold anything; on a terminal after a prompt, and with line editing."""
    interactive = sys.stdin.isatty()
    if interactive:
        import readline  # noqa: F401 - gives input() a history and arrow keys
    while True:
        try:
            line = input("you> ") if interactive else next(sys.stdin)
        except (EOFError, StopIteration):
            return
        if line.strip():
            yield line.strip()


def converse(answer: Callable[[list[Message]], Reply], system: str | None) -> None:
    """Answers messages until there are no more, each with all that was said before."""
    beginning: list[Message] = [{"role": "system", "content": system}] if system else []
    said = list(beginning)
    interactive = sys.stdin.isatty()
    for text in messages_of_user():
        if text == "/exit":
            return
        if text == "/clear":
            said = list(beginning)
            continue
        said.append({"role": "user", "content": text})
        try:
            reply = answer(said)
        except GenerationError as error:
            raise GenerationError(f"{error}; the conversation is too long") from error
        except KeyboardInterrupt:
            if not interactive:
                raise
            console.write("\n")
            said.pop()
            continue
        console.write("\n")
        said.append({"role": "assistant", "content": reply.text})
        if interactive:
            console.remark(f"({reply})")


@takes_sampling
def command(
    model: ModelArgument,
    *,
    system: Annotated[
        str | None, typer.Option(help="An instruction that stands before the conversation.")
    ] = None,
    max_new_tokens: MaxNewTokensOption = 512,
    stop: StopOption = None,
    sampling: Sampling,
    dtype: DtypeOption = None,
) -> None:
    """Talk with a model.

    Each line is a message; /clear starts anew, and /exit or the end of the input ends. When stdin
    is not a terminal, only the answers are printed.
    """
    sampler = sampling.make_sampler()
    loaded = load(model, dtype)
    if loaded.preprocessor.tokenizer.chat_template is None:
        raise TokenizerError(
            f"{model} has no chat template, so it was not made for chats; "
            "use `hornbook generate` instead"
        )
    answer = partial(
        write_reply,
        loaded,
        write=console.write,
        max_new_tokens=max_new_tokens,
        stop_strings=stop or (),
        sampler=sampler(loaded.sampler),
        seed=sampling.seed,
        draft=load_draft(sampling.draft, dtype),
    )
    if sys.stdin.isatty():
        console.remark(HELP)
    converse(answer, system)
