"""`hornbook list`: what there is to load."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hornbook.cli import console
from hornbook.cli.quantities import count

if TYPE_CHECKING:
    from hornbook.checkpoints.source import Preset

COMMIT_LENGTH = 40


def collect() -> dict[str, list[dict[str, Any]]]:
    """All registered families and their presets, as plain data."""
    from hornbook.families.registry import families

    found = families().values()
    return {
        "families": [
            {
                "name": family.name,
                "title": family.title,
                "tasks": [head.task for head in family.heads],
                "model_types": list(family.hf_types),
                "paper": family.paper,
            }
            for family in found
        ],
        "presets": [
            {
                "name": preset.name,
                "family": family.name,
                "parameters": preset.parameters,
                "licence": preset.licence,
                "source": preset.handle,
                "revision": revision(preset),
                "description": preset.description,
            }
            for family in found
            for preset in family.presets
        ],
    }


def revision(preset: "Preset") -> str | None:
    """The branch, tag or commit that a preset stands for, or None where it isn't from the hub."""
    from hornbook.checkpoints import hub

    scheme, _, address = preset.handle.partition("://")
    return hub.preset_revision(address, preset.revision) if scheme == "hf" else None


def shortened(revision: str | None) -> str:
    """A revision as it is shown in a table: of a commit the first seven digits, as git does."""
    revision = revision or ""
    return revision[:7] if len(revision) == COMMIT_LENGTH else revision


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the lists as JSON.")] = False,
) -> None:
    """List the model families and presets."""
    console.quiet_libraries()
    found = collect()
    if as_json:
        console.write_json(found)
        return
    out = console.stdout()
    families = console.table("family", "title", "tasks", "paper")
    for family in found["families"]:
        families.add_row(
            family["name"], family["title"], ", ".join(family["tasks"]), family["paper"]
        )
    presets = console.table(
        "preset", "family", "parameters", "licence", "source", "revision", right=("parameters",)
    )
    for preset in found["presets"]:
        presets.add_row(
            preset["name"],
            preset["family"],
            count(preset["parameters"]),
            preset["licence"],
            preset["source"],
            shortened(preset["revision"]),
        )
    out.print(families, "", presets)
