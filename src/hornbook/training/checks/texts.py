"""Texts longer than what the model is shown of them."""

from collections.abc import Iterator

from hornbook.preprocessing import Preprocessor
from hornbook.training.checks.finding import Finding, Run, percent

SHARE = 0.1  # of the texts; a few long ones are ordinary


def check(run: Run) -> Iterator[Finding]:
    """Counts the texts that the preprocessor cuts off."""
    reader = run.preprocessor
    if not run.texts or not isinstance(reader, Preprocessor):
        return
    room = reader.sequence_length + int(reader.makes_labels)  # labels reach one token further
    cut = sum(len(row) > room for row in reader.tokenizer.encode_batch(list(run.texts)))
    share = cut / len(run.texts)
    if share >= SHARE:
        how = " (hornbook.training.make_windows)" if reader.makes_labels else ""
        yield Finding(
            "texts_cut_off",
            f"{percent(share)} of the first {len(run.texts)} texts are longer than the "
            f"preprocessor's sequence_length of {reader.sequence_length} and are cut off there; "
            f"raise it, or split the texts into windows{how}.",
        )
