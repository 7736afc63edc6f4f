"""Arguments and options that several commands take, each with one meaning."""

from enum import StrEnum
from typing import Annotated

import typer


class Dtype(StrEnum):
    """Floating point types that models are loaded and saved in."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


class SamplerName(StrEnum):
    """How the next token is picked."""

    GREEDY = "greedy"
    RANDOM = "random"
    TOP_K = "top_k"
    TOP_P = "top_p"
    MIN_P = "min_p"
    BEAM = "beam"
    CONTRASTIVE = "contrastive"


ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A preset's name, hf://owner/name, package://module/path, a folder, or a .gguf file.",
    ),
]
DtypeOption = Annotated[
    Dtype | None, typer.Option(help="The type of the weights in memory.", show_default="float32")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
MaxNewTokensOption = Annotated[int, typer.Option(min=1, help="Stop after this many tokens.")]
StopOption = Annotated[
    list[str] | None,
    typer.Option(
        "--stop", help="End before this text, which isn't printed; may be given several times."
    ),
]
SamplerOption = Annotated[
    SamplerName | None,
    typer.Option(help="How the next token is picked.", show_default="the model's own"),
]
TemperatureOption = Annotated[
    float | None,
    typer.Option(min=0.0, help="Above 1 more varied, below 1 less; 0 is greedy."),
]
TopKOption = Annotated[
    int | None, typer.Option("--top-k", min=1, help="Pick among the K most probable tokens.")
]
TopPOption = Annotated[
    float | None,
    typer.Option(
        "--top-p", min=0.0, max=1.0, help="Pick among the tokens that make up this probability."
    ),
]
MinPOption = Annotated[
    float | None,
    typer.Option(
        "--min-p", min=0.0, max=1.0, help="Drop tokens below this share of the likeliest one's."
    ),
]
NumBeamsOption = Annotated[
    int | None,
    typer.Option("--num-beams", min=1, help="Keep this many sequences side by side: beam search."),
]
LengthPenaltyOption = Annotated[
    float | None,
    typer.Option(
        "--length-penalty", help="Beam search: above 0 longer texts are better, below 0 shorter."
    ),
]
AlphaOption = Annotated[
    float | None,
    typer.Option(
        "--alpha", min=0.0, max=1.0, help="Contrastive search: how much repeating counts."
    ),
]
RepetitionPenaltyOption = Annotated[
    float | None,
    typer.Option(
        "--repetition-penalty",
        help="Above 1 tokens of the prompt and the text become less likely; 1 changes nothing.",
    ),
]
FrequencyPenaltyOption = Annotated[
    float | None,
    typer.Option(
        "--frequency-penalty",
        help="Taken from a token's logit for each time that it occurred; 0 changes nothing.",
    ),
]
PresencePenaltyOption = Annotated[
    float | None,
    typer.Option(
        "--presence-penalty",
        help="Taken from a token's logit once it occurred; 0 changes nothing.",
    ),
]
NoRepeatNGramsOption = Annotated[
    int | None,
    typer.Option(
        "--no-repeat-ngrams", min=1, help="Let no sequence of this many tokens come twice."
    ),
]
DraftOption = Annotated[
    str | None,
    typer.Option(
        help="Guess tokens to be quicker: with a smaller model of the same tokenizer, or "
        "prompt_lookup, for texts that repeat what the prompt says.",
        metavar="MODEL",
    ),
]
SeedOption = Annotated[
    int | None, typer.Option(help="Makes random choices repeatable.", show_default="random")
]
