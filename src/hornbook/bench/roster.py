"""The contenders that there are, where each runs, and what it needs."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

KERASHUB = Path("benchmarks/.venv-kerashub/bin/python")
GGUF_PEER = Path("benchmarks/.venv-llama-cpp/bin/python")
IMPORT_SECONDS = 120
FROM_GGUF = "llama.cpp"

NEEDS: Mapping[str, tuple[str, ...]] = {
    "hornbook": (),
    "kerashub": ("keras_hub", "safetensors"),
    "transformers": ("transformers", "torch"),
    "plain jax": ("jax",),
    "plain torch": ("torch",),
    FROM_GGUF: ("llama_cpp",),
    "bare library": ("tokenizers", "sentencepiece"),
}
"""The modules of each library."""

PATH_NEEDS: Mapping[str, tuple[str, ...]] = {"tf.data": ("tensorflow",), "grain": ("grain",)}
"""The modules of each way that data takes."""

INSTALL: Mapping[str, str] = {
    "kerashub": "`make peers`, or --kerashub-python with the interpreter of an environment where "
    "`pip install keras-hub safetensors` was run",
    FROM_GGUF: "`pip install llama-cpp-python`, in an environment of its own with "
    "--llama-cpp-python, or beside hornbook",
}
"""How a library is installed, where it isn't `pip install` and the module's name."""


@dataclass(frozen=True)
class Contender:
    """Who takes part.

    Attributes:
        name: such as "hornbook/jax", "transformers compiled" or "kerashub tf.data".
    """

    name: str

    @property
    def library(self) -> str:
        """The part of the name that says which program runs: "transformers compiled" is one."""
        return self.name.partition("/")[0]

    @property
    def backend(self) -> str:
        """Keras's backend, or empty."""
        return self.name.partition("/")[2]

    @property
    def framework(self) -> str:
        """What computes; contenders on one framework take turns before others begin."""
        return next((name for name in ("jax", "tensorflow") if name in self.name), "torch")

    @property
    def needs(self) -> tuple[str, ...]:
        """The modules that its interpreter must have."""
        family = max((name for name in NEEDS if self.library.startswith(name)), key=len)
        way = self.library.removeprefix(family).strip()
        backend = (self.backend,) if self.backend else ()
        return (*NEEDS[family], *backend, *PATH_NEEDS.get(way, ()))

    def remedy(self, missing: str) -> str:
        """What to run so that it takes part."""
        for library, command in INSTALL.items():
            if self.library.startswith(library):
                return command
        return f"`pip install {missing}`"


@dataclass(frozen=True)
class Interpreters:
    """Where libraries run that have an environment of their own; others run in this one.

    Attributes:
        kerashub: by default the one that `make peers` makes, where there is one.
        from_gguf: llama.cpp's; by default that in benchmarks/, where there is one.
    """

    kerashub: Path | None = None
    from_gguf: Path | None = None

    def of(self, contender: Contender) -> Path:
        """The interpreter that runs a contender."""
        own = Path(sys.executable)
        if contender.library.startswith("kerashub"):
            return self.kerashub or _existing(KERASHUB) or own
        if contender.library == FROM_GGUF:
            return self.from_gguf or _existing(GGUF_PEER) or own
        return own


def present(
    names: Sequence[str], interpreters: Interpreters
) -> tuple[list[Contender], dict[str, str]]:
    """The contenders that can run here, and for the others what is missing.

    Example:
        >>> import sys
        >>> nowhere = Interpreters(kerashub=Path(sys.executable))
        >>> found, left_out = present(["hornbook/jax", "kerashub/jax"], nowhere)
        >>> [contender.name for contender in found], list(left_out)
        (['hornbook/jax'], ['kerashub/jax'])
    """
    found, left_out = [], {}
    modules: dict[Path, frozenset[str]] = {}
    contenders = [Contender(name) for name in names]
    wanted = frozenset(module for contender in contenders for module in contender.needs)
    for contender in contenders:
        python = interpreters.of(contender)
        if python not in modules:
            modules[python] = installed_modules(python, wanted)
        missing = [module for module in contender.needs if module not in modules[python]]
        if missing:
            remedy = contender.remedy(missing[0])
            left_out[contender.name] = f"{python} has no module {missing[0]}; install it: {remedy}"
        else:
            found.append(contender)
    return found, left_out


def installed_modules(python: Path, wanted: frozenset[str]) -> frozenset[str]:
    """Which of some modules an interpreter has; none are imported."""
    if python == Path(sys.executable):
        return frozenset(name for name in wanted if find_spec(name) is not None)
    program = "import sys, importlib.util as u; print(*(n for n in sys.argv[1:] if u.find_spec(n)))"
    return frozenset(_ask(python, program, sorted(wanted)).split())


def installed_versions(python: Path, packages: Sequence[str]) -> dict[str, str]:
    """The versions of the packages that an interpreter has."""
    program = (
        "import sys, json, importlib.metadata as m\n"
        "names = {d.metadata['Name'].lower().replace('_', '-') for d in m.distributions()}\n"
        "print(json.dumps({n: m.version(n) for n in sys.argv[1:] if n in names}))"
    )
    return dict(json.loads(_ask(python, program, packages) or "{}"))


def _ask(python: Path, program: str, arguments: Iterable[str]) -> str:
    try:
        done = subprocess.run(
            [str(python), "-c", program, *arguments],
            capture_output=True,
            text=True,
            timeout=IMPORT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _existing(path: Path) -> Path | None:
    return path.absolute() if path.is_file() else None
