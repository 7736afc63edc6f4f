"""`hornbook generate`: a prompt, continued."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from hornbook.cli import console
from hornbook.cli.arguments import (
    DraftOption,
    DtypeOption,
    JsonOption,
    MaxNewTokensOption,
    MinPOption,
    ModelArgument,
    SamplerOption,
    SeedOption,
    StopOption,
    TemperatureOption,
    TopKOption,
    TopPOption,
)
from hornbook.cli.reply import load, load_draft, write_reply
from hornbook.cli.sampling import make_sampler


def command(
    model: ModelArgument,
    prompt: Annotated[
        str, typer.Argument(metavar="PROMPT", help="The text to continue; - reads it from stdin.")
    ],
    max_new_tokens: MaxNewTokensOption = 128,
    stop: StopOption = None,
    sampler: SamplerOption = None,
    temperature: TemperatureOption = None,
    top_k: TopKOption = None,
    top_p: TopPOption = None,
    min_p: MinPOption = None,
    seed: SeedOption = None,
    draft: DraftOption = None,
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
    picked = make_sampler(sampler, temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    shown = stream and not as_json
    reply = write_reply(
        load(model, dtype),
        prompt,
        console.write if shown else str,
        max_new_tokens=max_new_tokens,
        stop_strings=stop or (),
        sampler=picked,
        seed=seed,
        draft=load_draft(draft, dtype),
    )
    if as_json:
        console.write_json({"model": model, "prompt": prompt, **asdict(reply)})
    else:
        console.write("\n" if shown else f"{reply.text}\n")
        console.remark(f"({reply})")
