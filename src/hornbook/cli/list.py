"""`hornbook list`: what there is to load."""

from typing import Annotated, Any

import typer

from hornbook.cli import console
from hornbook.cli.quantities import count


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
                "description": preset.description,
            }
            for family in found
            for preset in family.presets
        ],
    }


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
        "preset", "family", "parameters", "licence", "source", right=("parameters",)
    )
    for preset in found["presets"]:
        presets.add_row(
            preset["name"],
            preset["family"],
            count(preset["parameters"]),
            preset["licence"],
            preset["source"],
        )
    out.print(families, "", presets)
