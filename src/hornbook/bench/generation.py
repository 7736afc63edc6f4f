"""`decode` and `prefill`: two sides of one generation, by the same contenders."""

from typing import Any

from hornbook.bench.benchmark import Benchmark, Case, Setting, numbers
from hornbook.bench.bounds import decode_bound, prefill_bound
from hornbook.bench.models import DEFAULT, QUICK, Model
from hornbook.bench.roster import FROM_GGUF

FORM = "BATCHxPROMPT"
QUICK_NEW = 32
LEARNED_POSITIONS = "n_embd"
"""A key of config.json that the decoders by hand read."""

CONTENDERS = (
    "hornbook/jax",
    "kerashub/jax",
    "plain jax",
    "hornbook/torch",
    "kerashub/torch",
    "plain torch",
    "transformers",
    "transformers compiled",
    FROM_GGUF,
    "hornbook/tensorflow",
    "kerashub/tensorflow",
)


def _decode(cell: str, setting: Setting) -> Case:
    batch, prompt = numbers(cell, FORM)
    new = QUICK_NEW if setting.options.quick else setting.options.new
    sizes, dtype = setting.the_model.sizes, setting.dtype
    bound = decode_bound(sizes, setting.limits, dtype, batch=batch, prompt=prompt, new=new)
    return Case(_config(setting, batch, prompt, new), batch * (new - 1), bound)


def _prefill(cell: str, setting: Setting) -> Case:
    batch, prompt = numbers(cell, FORM)
    sizes, dtype = setting.the_model.sizes, setting.dtype
    bound = prefill_bound(sizes, setting.limits, dtype, batch=batch, prompt=prompt)
    return Case(_config(setting, batch, prompt, 1), batch * prompt, bound)


def _config(setting: Setting, batch: int, prompt: int, new: int) -> dict[str, Any]:
    model = setting.the_model
    return {
        "model": str(model.folder),
        "gguf": None if model.gguf is None else str(model.gguf),
        "dtype": setting.dtype,
        "batch": batch,
        "prompt": prompt,
        "new": new,
        "vocabulary": model.sizes.vocabulary_size,
    }


def _excluded(name: str, model: Model) -> str:
    if name == FROM_GGUF and model.gguf is None:
        return "it runs GGUF files; give one as --model"
    if name.startswith("plain") and LEARNED_POSITIONS not in model.config:
        return f"it is written for one architecture, which {model.name} doesn't have"
    return ""


DECODE = Benchmark(
    name="decode",
    title="Generation, greedy: every token after the first",
    unit="tokens/s",
    module="generation",
    contenders=CONTENDERS,
    cells=("1x32", "8x32", "1x512", "8x512"),
    quick_cells=("2x5",),
    dtypes=("float32", "bfloat16", "float16"),
    case=_decode,
    models=(DEFAULT, QUICK),
    excluded=_excluded,
)
PREFILL = Benchmark(
    name="prefill",
    title="The time to the first token, in tokens of the prompt",
    unit="tokens/s",
    module="generation",
    contenders=CONTENDERS,
    cells=("1x128", "1x512", "1x1024"),
    quick_cells=("2x5",),
    dtypes=("float32", "bfloat16", "float16"),
    case=_prefill,
    models=(DEFAULT, QUICK),
    excluded=_excluded,
    restart=True,
)
