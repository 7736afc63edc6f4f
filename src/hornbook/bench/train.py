"""`train`: a training step."""

from hornbook.bench.benchmark import Benchmark, Case, Setting, numbers
from hornbook.bench.bounds import train_bound
from hornbook.bench.models import NOTEBOOK, Model

STEPS = 4
QUICK_STEPS = 1
LAYERS = "hornbook layers"


def _case(cell: str, setting: Setting) -> Case:
    batch, length = numbers(cell, "BATCHxLENGTH")
    model = setting.the_model
    config = {
        "task": "CausalLM",
        "model": model.name if model.is_notebook else str(model.folder),
        "dtype": setting.dtype,
        "batch": batch,
        "length": length,
        "steps": QUICK_STEPS if setting.options.quick else STEPS,
        "seed": setting.options.seed,
        "vocabulary": model.sizes.vocabulary_size,
    }
    bound = train_bound(model.sizes, setting.limits, setting.dtype, batch=batch, length=length)
    return Case(config, batch * length, bound)


def _excluded(name: str, model: Model) -> str:
    if name.startswith(("plain", LAYERS)) and not model.is_notebook:
        return f"it is written for the model '{NOTEBOOK}'"
    if name.startswith("transformers") and model.is_notebook:
        return "transformers has no such model; --model takes others"
    return ""


TRAIN = Benchmark(
    name="train",
    title="A training step with Adam",
    unit="tokens/s",
    module="training",
    contenders=(
        "hornbook/jax",
        f"{LAYERS}/jax",
        "kerashub/jax",
        "plain jax",
        "hornbook/torch",
        f"{LAYERS}/torch",
        "kerashub/torch",
        "transformers",
        "transformers compiled",
        "plain torch",
        "plain torch compiled",
        "hornbook/tensorflow",
        f"{LAYERS}/tensorflow",
        "kerashub/tensorflow",
    ),
    cells=("32x128",),
    quick_cells=("2x8",),
    dtypes=("float32", "mixed_bfloat16"),
    case=_case,
    models=(NOTEBOOK, NOTEBOOK),
    excluded=_excluded,
    rounds=5,
)
