"""Pins presets to commits: asks the hub for each repository's newest, and writes revisions.json.

    python docs/revisions.py          # the pins of all presets anew
    python docs/revisions.py --new    # pins for repositories that have none

A preset that names a revision of its own is not pinned. Repositories that have no pin yet stand in
unpinned.json, from which a pin removes them. HF_ENDPOINT says which server is asked.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from huggingface_hub import HfApi

from hornbook.checkpoints import hub
from hornbook.checkpoints.source import Preset
from hornbook.checkpoints.staging import publish, staging_folder
from hornbook.families.registry import presets

SECONDS = 20  # for one answer
UNPINNED = "unpinned.json"


def main() -> None:
    kept = refresh(hub.PINS, repositories(presets()), only_new=sys.argv[1:2] == ["--new"])
    if kept:
        sys.exit("\n".join((f"{len(kept)} without an answer, left as they were:", *kept)))


def repositories(known: Mapping[str, Preset]) -> set[str]:
    """The repositories on the hub whose presets leave the revision to the pins."""
    handles = {preset.handle for preset in known.values() if preset.revision is None}
    addresses = (handle.removeprefix("hf://") for handle in handles if handle.startswith("hf://"))
    return {name for name, _, revision in map(hub.parse, addresses) if revision is None}


def refresh(file: Path, wanted: Iterable[str], *, only_new: bool = False) -> list[str]:
    """Writes the commit of each repository into `file`, and forgets all other repositories.

    Those that have none now stand in `unpinned.json` beside it.

    Returns:
        A line for each repository that the hub gave no commit of; its pin, if any, is kept.
    """
    old = json.loads(file.read_text("utf-8"))
    wanted = sorted(wanted)
    pins = {name: old[name] for name in wanted if name in old}
    asked = [name for name in wanted if not (only_new and name in pins)]
    kept = []
    for number, name in enumerate(asked, 1):
        try:
            pins[name] = newest_commit(name)
            outcome = "as before" if pins[name] == old.get(name) else pins[name]
        # Its exceptions have no common base, and change with the HTTP library that it uses.
        except Exception as error:
            outcome = " ".join(str(error).split()) or type(error).__name__
            kept.append(f"{name}: {outcome}")
        print(f"{number}/{len(asked)} {name}: {outcome}", flush=True)
    write(file, pins)
    write(file.with_name(UNPINNED), [name for name in wanted if name not in pins])
    return kept


def newest_commit(repository: str) -> str:
    """The commit that a repository's main branch is at."""
    commit = HfApi().model_info(repository, revision=hub.MAIN, timeout=SECONDS).sha
    if commit is None or not re.fullmatch("[0-9a-f]{40}", commit):
        raise ValueError(f"the hub answered {commit!r}, which is no commit")
    return commit


def write(file: Path, content: Mapping[str, str] | Sequence[str]) -> None:
    """Puts pins, or names, in place of the old ones in one step, in the repositories' order."""
    with staging_folder(file.parent) as staging:
        text = json.dumps(content, indent=1, sort_keys=True)
        (staging / file.name).write_text(f"{text}\n", "utf-8")
        publish(staging, file.parent, [file.name])


if __name__ == "__main__":
    main()
