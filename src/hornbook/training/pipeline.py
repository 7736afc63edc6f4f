"""How a task's `fit`, `evaluate`, `predict` and `..._on_batch` take text.

Each function gives what to hand on to `keras.Model`'s method of that name.
"""

import math
from collections.abc import Mapping
from typing import Any

from hornbook.errors import DataError
from hornbook.preprocessing import Preprocessor
from hornbook.preprocessing.text_columns import is_text, split_columns
from hornbook.training.data import as_texts, prepare
from hornbook.training.text_datasets import NO_PREPROCESSOR, convert_dataset, has_own_order


def fit_arguments(
    preprocessor: Preprocessor | None,
    x: Any = None,
    y: Any = None,
    *,
    batch_size: int | None = None,
    sample_weight: Any = None,
    shuffle: bool = True,
    validation_split: float = 0.0,
    validation_data: Any = None,
    validation_batch_size: int | None = None,
    **arguments: Any,
) -> dict[str, Any]:
    """Prepares the arguments of `keras.Model.fit`; those not named here pass through.

    `validation_data` may be texts alone, beside the forms that Keras takes.
    """
    x = as_texts(x)
    if validation_split and validation_data is None and is_text(x):
        x, y, sample_weight, validation_data = _split(x, y, sample_weight, validation_split)
        validation_split = 0.0
    validation_batch_size = validation_batch_size or batch_size
    data = prepare(
        x, y, sample_weight, preprocessor=preprocessor, batch_size=batch_size, shuffle=shuffle
    )
    return {
        **arguments,
        **data,
        "batch_size": batch_size,
        "shuffle": shuffle and not has_own_order(data["x"]),
        "validation_split": validation_split,
        "validation_data": _validation(preprocessor, validation_data, validation_batch_size),
        "validation_batch_size": validation_batch_size,
    }


def evaluate_arguments(
    preprocessor: Preprocessor | None,
    x: Any = None,
    y: Any = None,
    *,
    batch_size: int | None = None,
    sample_weight: Any = None,
    **arguments: Any,
) -> dict[str, Any]:
    """Prepares the arguments of `keras.Model.evaluate`; those not named here pass through."""
    data = prepare(x, y, sample_weight, preprocessor=preprocessor, batch_size=batch_size)
    return {**arguments, **data, "batch_size": batch_size}


def predict_arguments(
    preprocessor: Preprocessor | None, x: Any, **arguments: Any
) -> dict[str, Any]:
    """Prepares the arguments of `keras.Model.predict`.

    Texts in memory are all padded to one length, as short as they allow, so that the results fit
    into one array.
    """
    x = as_texts(x)
    if not is_text(x):
        return {**arguments, "x": convert_dataset(preprocessor, x)}
    return {**arguments, "x": _reader(preprocessor).predict_preprocess(x, pad_to="longest")}


def predict_batch(preprocessor: Preprocessor | None, x: Any) -> Any:
    """Prepares `x` of `keras.Model.predict_on_batch`."""
    x = as_texts(x)
    return _reader(preprocessor).predict_preprocess(x) if is_text(x) else x


def batch_arguments(
    preprocessor: Preprocessor | None, x: Any, y: Any = None, sample_weight: Any = None
) -> tuple[Any, Any, Any]:
    """Prepares `x`, `y` and `sample_weight` of `keras.Model.train_on_batch` and its like."""
    x = as_texts(x)
    if not is_text(x):
        return x, y, sample_weight
    result = _reader(preprocessor)(x, y, sample_weight)
    parts = result if isinstance(result, tuple) else (result,)
    return (*parts, None, None)[:3]


def _reader(preprocessor: Preprocessor | None) -> Preprocessor:
    if preprocessor is None:
        raise DataError(NO_PREPROCESSOR)
    return preprocessor


def _validation(preprocessor: Preprocessor | None, data: Any, batch_size: int | None) -> Any:
    parts = data if isinstance(data, tuple) else (data,)
    ready = prepare(*parts, preprocessor=preprocessor, batch_size=batch_size)
    return data if ready["x"] is parts[0] else ready["x"]


def _split(x: Any, y: Any, sample_weight: Any, fraction: float) -> tuple[Any, Any, Any, Any]:
    """Parts the last `fraction` of the texts from the rest, as Keras does with arrays."""
    columns, _ = split_columns(x)
    rows = len(columns[0])
    at = math.floor(rows * (1.0 - fraction))
    if not 0 < at < rows:
        raise DataError(
            f"validation_split={fraction} of {rows} texts leaves none to train on, or none to "
            "validate with; pass validation_data, or another fraction"
        )
    sides = []
    for part in (slice(None, at), slice(at, None)):
        texts = [column[part] for column in columns]
        rest = [_rows(value, part) for value in (y, sample_weight)]
        sides.append((texts[0] if len(texts) == 1 else tuple(texts), *rest))
    return (*sides[0], sides[1])


def _rows(value: Any, part: slice) -> Any:
    if isinstance(value, Mapping):
        return {name: _rows(column, part) for name, column in value.items()}
    return None if value is None else value[part]
