"""`encode` and `fine-tune`: an encoder's forward pass, and a step of it with a classifier."""

from typing import Any

from hornbook.bench.benchmark import Benchmark, Case, Setting, numbers
from hornbook.bench.bounds import encode_bound, fine_tune_bound
from hornbook.bench.models import ENCODER, QUICK_ENCODER
from hornbook.bench.train import QUICK_STEPS

FORM = "BATCHxLENGTH"
STEPS = 2
CONTENDERS = (
    "hornbook/jax",
    "kerashub/jax",
    "hornbook/torch",
    "kerashub/torch",
    "transformers",
    "transformers compiled",
    "hornbook/tensorflow",
    "kerashub/tensorflow",
)


def _encode(cell: str, setting: Setting) -> Case:
    batch, length = numbers(cell, FORM)
    sizes = setting.the_model.sizes
    bound = encode_bound(sizes, setting.limits, setting.dtype, batch=batch, length=length)
    return Case(_config(setting, batch, length), batch * length, bound)


def _fine_tune(cell: str, setting: Setting) -> Case:
    batch, length = numbers(cell, FORM)
    sizes = setting.the_model.sizes
    bound = fine_tune_bound(sizes, setting.limits, setting.dtype, batch=batch, length=length)
    steps = QUICK_STEPS if setting.options.quick else STEPS
    training = {"task": "TextClassifier", "steps": steps, "seed": setting.options.seed}
    return Case({**_config(setting, batch, length), **training}, batch * length, bound)


def _config(setting: Setting, batch: int, length: int) -> dict[str, Any]:
    model = setting.the_model
    return {
        "model": str(model.folder),
        "dtype": setting.dtype,
        "batch": batch,
        "length": length,
        "vocabulary": model.sizes.vocabulary_size,
    }


ENCODE = Benchmark(
    name="encode",
    title="An encoder's hidden states of whole batches",
    unit="tokens/s",
    module="encoding",
    contenders=CONTENDERS,
    cells=("32x128",),
    quick_cells=("2x8",),
    dtypes=("float32", "bfloat16", "float16"),
    case=_encode,
    models=(ENCODER, QUICK_ENCODER),
)
FINE_TUNE = Benchmark(
    name="fine-tune",
    title="A step of training an encoder as a classifier, with Adam",
    unit="tokens/s",
    module="training",
    contenders=CONTENDERS,
    cells=("16x128",),
    quick_cells=("2x8",),
    dtypes=("float32", "mixed_bfloat16"),
    case=_fine_tune,
    models=(ENCODER, QUICK_ENCODER),
)
