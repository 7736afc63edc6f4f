"""Writes docs/families.md: every family with its tasks, presets, formats and lines of code.

    python docs/families.py                      # from the registry
    python docs/families.py --count keras_hub    # and KerasHub's lines anew, from that folder

KerasHub's lines are in families_kerashub.json, so that it need not be installed.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hornbook.families
from hornbook.families.family import Family
from hornbook.families.registry import families

TARGET = Path(__file__).with_name("families.md")
COUNTED = Path(__file__).with_name("families_kerashub.json")
SOURCE = Path(hornbook.families.__path__[0])

# KerasHub's folders where they are named otherwise, or where it has several for one of ours.
FOLDERS = {
    "fnet": ("f_net",),
    "gpt_neox": ("gpt_neo_x",),
    "llama": ("llama", "llama3"),
    "qwen2": ("qwen",),
    "qwen2_moe": ("qwen_moe",),
}
IN_ANOTHER_FOLDER = {"gemma2": "gemma"}
MACHINERY = {"__init__.py", "classes.py", "family.py", "registry.py"}

HEAD = """# Families

Made by `docs/families.py` from the registry. "HF" is Hugging Face's format: `config.json`,
`*.safetensors` and the tokenizer's files. "ST" is the layout that sentence-transformers adds to it,
for a `TextEmbedder`. GGUF files are read, quantised ones too, and not written.

Lines are those of the family's own files, with comments, docstrings and blank lines, without tests
and without presets, which are data. Ours hold the config, the architecture and the maps of
`config.json`, of the weights and of GGUF's metadata and tensors. KerasHub's are of version
{version}: the family's folder in `models/`, and after the plus sign what converts Hugging Face's
checkpoints for it, in and out. On both sides code that families share is counted where it stands,
so that a family that derives from another has few lines. Ours is in the table's last rows, and
bricks, tasks, tokenizers and preprocessing are written once, in folders of their own. KerasHub's
folders differ in what they hold: Gemma 3's has images too, those of ELECTRA and XLNet have no task.

"""


def main() -> None:
    if sys.argv[1:2] == ["--count"]:
        COUNTED.write_text(compact(count(Path(sys.argv[2]))), "utf-8")
    TARGET.write_text(page(), "utf-8")


def page() -> str:
    """The page as it should be."""
    counted = json.loads(COUNTED.read_text("utf-8"))
    own = [family for family in families().values() if (SOURCE / family.name).is_dir()]
    text = HEAD.format(version=counted["version"])
    text += "| family | tasks | presets | reads | writes | lines | KerasHub's lines |\n"
    text += "|---|---|--:|---|---|--:|--:|\n"
    for family in own:
        tasks = ", ".join(head.task for head in family.heads)
        theirs = lines_of_kerashub(family, counted["families"])
        cells = (family.title, tasks, len(family.presets), *formats(family), lines(family), theirs)
        text += row(*cells)
    for path in sorted(SOURCE.glob("*.py")):
        if path.name not in MACHINERY:
            text += row(f"shared: `{path.name}`", "", "", "", "", length(path), "")
    text += "\n## Presets\n\nWhat each name stands for is in `hornbook list`.\n\n"
    text += "| family | presets |\n|---|---|\n"
    for family in own:
        text += row(family.title, ", ".join(f"`{preset.name}`" for preset in family.presets))
    return text


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |\n"


def formats(family: Family) -> tuple[str, str]:
    """The formats that a family's checkpoints are read from, and written in."""
    written = ["HF"]
    if any(head.task == "TextEmbedder" for head in family.heads):
        written.append("ST")
    return ", ".join([*written, "GGUF"] if family.gguf else written), ", ".join(written)


def lines(family: Family) -> int:
    files = (SOURCE / family.name).glob("*.py")
    return sum(length(path) for path in files if path.name != "presets.py")


def length(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def lines_of_kerashub(family: Family, counted: dict[str, list[int]]) -> str:
    if other := IN_ANOTHER_FOLDER.get(family.name):
        return f"in {families()[other].title}'s"
    found = [counted[name] for name in FOLDERS.get(family.name, (family.name,)) if name in counted]
    if not found:
        return "not there"
    models, conversion = map(sum, zip(*found, strict=True))
    return f"{models:,} + {conversion:,}" if conversion else f"{models:,}"


def compact(counted: dict[str, Any]) -> str:
    """JSON with a family a line."""
    text = json.dumps(counted, indent=1)
    return re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", text) + "\n"


def count(package: Path) -> dict[str, Any]:
    """The lines of KerasHub's models: of the model, and of what converts its files."""
    version = (package / "src" / "version.py").read_text().split('"')[1]
    return {"version": version, "families": dict(_counted(package / "src"))}


def _counted(source: Path) -> Iterator[tuple[str, list[int]]]:
    converters = source / "utils" / "transformers"
    for folder in sorted((source / "models").iterdir()):
        if not folder.is_dir():
            continue
        bare = folder.name.replace("_", "")
        conversion = [
            path
            for path in (*converters.glob("convert_*.py"), *(converters / "export").glob("*.py"))
            if path.stem.removeprefix("convert_").replace("_", "") == bare
        ]
        files = [path for path in folder.glob("*.py") if not path.stem.endswith("_presets")]
        yield folder.name, [sum(map(length, files)), sum(map(length, conversion))]


if __name__ == "__main__":
    main()
