"""Checkpoints from the Hugging Face hub, or from a server that speaks as it does.

`huggingface_hub` does the work and keeps to its own environment variables: HF_HOME, HF_ENDPOINT,
HF_HUB_OFFLINE, HF_TOKEN.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from hornbook.errors import PresetError

# Only what hornbook reads: weights that hold nothing but tensors, settings, and tokenizers. Never
# code or pickle files, nor the copies of the weights that repositories keep in other formats.
PATTERNS = (
    "config.json",
    "generation_config.json",
    "hornbook*.json",
    "model*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "*.model",
    "*.jinja",
    "chat_template.json",
    "preprocessor_config.json",
    # Of sentence-transformers: the chain of modules, and the modules' own folders.
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "[0-9]_*/config.json",
    "[0-9]_*/model.safetensors",
)
MAIN = "main"
PINS = Path(__file__).with_name("revisions.json")  # written by docs/revisions.py
# The pull request in which the hub's own converter offers safetensors for a repository of pickles.
CONVERTER, CONVERSION = "SFconvertbot", "Adding `safetensors` variant of this model"
ADDRESS = re.compile(r"([\w.-]+/[\w.-]+)(?:/([\w./-]+\.gguf))?(?:@([\w./-]+))?")


@cache
def pins() -> Mapping[str, str]:
    """The commit that presets are pinned to, by repository."""
    return json.loads(PINS.read_text("utf-8"))


def preset_revision(address: str, revision: str | None = None) -> str:
    """The revision that a preset stands for: its own, else its repository's pin, or "main".

    Args:
        address: as that of `fetch`.
        revision: what the preset asks for beside its address, if anything.

    Raises:
        PresetError: if the address is malformed.
    """
    repository, _, own_revision = parse(address)
    return own_revision or revision or pins().get(repository, MAIN)


def fetch(address: str, revision: str | None = None, *, pinned: bool = False) -> Path:
    """Downloads a repository's checkpoint into the hub's cache, or finds it there.

    Args:
        address: "owner/name[@revision]", or "owner/name/path.gguf[@revision]" for one file of it.
        revision: a branch, tag or commit for an address that names none; by default "main".
        pinned: take the repository's pin, if it has one, where no revision is asked for. For
            presets' addresses; what a user writes is taken as it is written.

    Returns:
        The folder of the downloaded files, or the `.gguf` file.

    Raises:
        PresetError: if the address is malformed, the hub can't be reached and the files are not in
            the cache, or the repository holds no checkpoint.
    """
    repository, file, own_revision = parse(address)
    asked = own_revision or revision
    revision = preset_revision(address, asked) if pinned else asked or MAIN
    folder = _download(repository, revision, (file,) if file else PATTERNS)
    if file is None and asked in (None, MAIN) and not _has_weights(folder):
        folder = _converted(repository, folder)
    if not (folder / (file or "config.json")).is_file():
        raise PresetError(
            f"The repository '{repository}' at revision '{revision}' has no "
            f"{file or 'config.json'}; a repository of .gguf files is loaded by one file: "
            f"hf://{repository}/file.gguf"
        )
    return folder / file if file else folder


def parse(address: str) -> tuple[str, str | None, str | None]:
    """The repository, the `.gguf` file and the revision of an address on the hub.

    Raises:
        PresetError: if the address is malformed.
    """
    match = ADDRESS.fullmatch(address)
    if match is None or ".." in address:
        raise PresetError(
            f"'hf://{address}' is not an address on the hub; expected hf://owner/name[@revision] "
            "or hf://owner/name/file.gguf[@revision]"
        )
    repository, file, revision = match.groups()
    return repository, file, revision


def _download(repository: str, revision: str, patterns: tuple[str, ...]) -> Path:
    from huggingface_hub import constants, snapshot_download

    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=[*patterns]))
    # Its exceptions have no common base, and change with the HTTP library that it uses.
    except Exception as error:
        reason = " ".join(str(error).split()).removesuffix(".") or type(error).__name__
        pinned = revision == pins().get(repository)
        other = f" 'hf://{repository}' asks for its main branch." if pinned else ""
        raise PresetError(
            f"The repository '{repository}' at revision '{revision}' can't be fetched from "
            f"{constants.ENDPOINT}: {reason}. To load a local copy, pass the path of its folder. "
            "HF_HUB_OFFLINE=1 uses only files that were downloaded before, HF_HOME says where they "
            f"are (now under {constants.HF_HOME}), HF_ENDPOINT names another server.{other}"
        ) from error


def _has_weights(folder: Path) -> bool:
    return any(folder.glob("*.safetensors"))


def _converted(repository: str, folder: Path) -> Path:
    """The safetensors that the hub's converter offers for a repository; else `folder` as it is.

    Pickled weights are never read: that would run whatever code they hold.
    """
    from huggingface_hub import get_repo_discussions

    try:
        offers = get_repo_discussions(repository, author=CONVERTER, discussion_type="pull_request")
        references = [str(offer.git_reference) for offer in offers if offer.title == CONVERSION]
    except Exception:  # unreachable: what was downloaded before is beside it in the cache
        return next(filter(_has_weights, sorted(folder.parent.iterdir())), folder)
    found = _download(repository, references[0], PATTERNS) if references else folder
    return found if _has_weights(found) else folder
