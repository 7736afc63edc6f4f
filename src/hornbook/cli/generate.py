"""`hornbook generate`: a prompt, continued."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from hornbook.cli import console
from hornbook.cli.arguments import (
    DtypeOption,
    JsonOption,
    MaxNewTokensOption,
    ModelArgument,
    StopOption,
)
from hornbook.cli.reply import load, load_draft, write_reply
from hornbook.cli.sampling import Sampling, takes_sampling


@takes_sampling
def command(
    model: ModelArgument,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="The text to continue; - reads it from stdin.")
    ],
    *,
    max_new_tokens: MaxNewTokensOption = 128,
    stop: StopOption = None,
    sampling: Sampling,
    dtype: DtypeOption = None,
    stream: Annotated[
        bool, typer.Option(help="Print text as it comes, or all of it at the end.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Continue a prompt, streaming.

    Prints the continuation without the prompt on stdout, and the speed on stderr.
    """
    if prompt == "-":
        prompt = sys.stdin.read()
    sampler = sampling.make_sampler()
    shown = stream and not as_json
    loaded = load(model, dtype)
    reply = write_reply(
        loaded,
        prompt,
        console.write if shown else str,
        max_new_tokens=max_new_tokens,
        stop_strings=stop or (),
        sampler=sampler(loaded.sampler),
        seed=sampling.seed,
        draft=load_draft(sampling.draft, dtype),
    )
    if as_json:
        console.write_json({"model": model, "prompt": prompt, **asdict(reply)})
    else:
        console.write("\n" if shown else f"{reply.text}\n")
        console.remark(f"({reply})")
