"""The process of one contender: `python .../contenders/__main__.py MODULE CONFIG`.

It says on stdout, a JSON object a line, that it is ready, and then answers each line of stdin with
what one more round took.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

# The package is imported by its own folder, as a peer's interpreter has no hornbook. The folders
# are on the path no longer than that: names of files in them are names of Python's modules too.
FOLDER = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != FOLDER]
sys.path.insert(0, str(FOLDER.parent))
importlib.import_module(FOLDER.name)
del sys.path[0]


def main() -> None:
    """Prepares the work, does it once unless `config["warm_up"]` is false, and then by request."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    config: dict[str, Any] = json.loads(sys.argv[2])
    measure = importlib.import_module(f"{FOLDER.name}.measure")
    seconds, run = measure.timed(
        lambda: importlib.import_module(f"{FOLDER.name}.{sys.argv[1]}").prepare(config)
    )
    ready = {"start": seconds}
    if config.get("warm_up", True):
        ready["first_call"] = measure.timed(run)[0]
    answers.write(json.dumps(ready) + "\n")
    for _ in sys.stdin:
        done = run()
        answers.write(json.dumps({**measure.peak_memory(), **done}) + "\n")


if __name__ == "__main__":
    main()
