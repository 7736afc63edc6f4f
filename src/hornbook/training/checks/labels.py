"""Labels that teach the wrong thing, and metrics that count what they shouldn't."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from hornbook.backbones.backbone import Backbone
from hornbook.preprocessing import Preprocessor
from hornbook.training.checks.finding import Batch, Finding, Run, percent

PADDING_RUN = 3  # equal labels at the end of rows, from which they are taken for padding


def check_shift(run: Run) -> Iterator[Finding]:
    """Labels that are the inputs, for a model that predicts one token a position."""
    batch = run.batch
    if batch is None or batch.token_ids is None or batch.token_labels is None:
        return
    ids, labels, counted = batch.token_ids, batch.token_labels, batch.counted
    if ids.shape != labels.shape or vocabulary_of_labels(run.model) is None:
        return
    ids, labels = ids[counted], labels[counted]
    if len(np.unique(labels)) > 1 and np.array_equal(ids, labels):
        yield Finding(
            "labels_not_shifted",
            "Every label is the token at its own position, so the model learns to copy; let the "
            "labels be one token further: x = ids[:, :-1], y = ids[:, 1:].",
        )


def check_all_masked(run: Run) -> Iterator[Finding]:
    """A first batch in which no label counts."""
    batch = run.batch
    if batch is None or batch.labels is None or batch.labels.size == 0:
        return
    if not _counted_by_loss(run.model, batch, batch.labels).any():
        yield Finding(
            "labels_all_masked",
            "No label of the first batch counts: all weights are 0, or every label is the masked "
            "token; check the sample weights and the loss's mask_token_id.",
        )


def check_vocabulary(run: Run) -> Iterator[Finding]:
    """Ids that the embedding has no row for, and labels that no logit stands for."""
    batch = run.batch
    if batch is None:
        return
    for name, ids in batch.inputs.items():
        yield from _outside(ids, vocabulary_of_input(run.model, name), "Token id")
    size, labels = vocabulary_of_labels(run.model), batch.token_labels
    if labels is not None:
        yield from _outside(labels[_counted_by_loss(run.model, batch, labels)], size, "Label")


def _counted_by_loss(model: Any, batch: Batch, labels: np.ndarray) -> np.ndarray:
    counted = np.ones(labels.shape, bool) if batch.counted is None else batch.counted
    for part in keras.tree.flatten(model.loss):
        if (token := mask_token(part)) is not None:
            counted = counted & (labels != token)
    return counted


def _outside(ids: np.ndarray, size: int | None, what: str) -> Iterator[Finding]:
    if size is None or ids.size == 0 or ids.dtype.kind not in "iu":
        return
    worst = int(ids.max()) if ids.max() >= size else int(ids.min())
    if not 0 <= worst < size:
        yield Finding(
            "id_outside_vocabulary",
            f"{what} {worst} is outside the model's vocabulary of {size}, whose ids are 0 to "
            f"{size - 1}; use the tokenizer that belongs to the model, or give the model the "
            "tokenizer's vocabulary_size().",
            "error",
        )


def check_mask_token(run: Run) -> Iterator[Finding]:
    """Metrics and losses that count padding, or leave out another token for it."""
    batch = run.batch
    if batch is None or batch.token_labels is None:
        return
    token = padding_token(run)
    if token is None:
        return
    padding = padding_of(batch.token_labels, token)
    for part, weighted in _masking_parts(run.model):
        yield from _check_part(part, weighted, run, batch, padding, token)


def _check_part(
    part: Any, weighted: bool, run: Run, batch: Batch, padding: np.ndarray, token: int
) -> Iterator[Finding]:
    labels = batch.token_labels
    assert labels is not None
    masked = mask_token(part)
    counted = _seen(run.model, batch) if weighted else np.ones(labels.shape, bool)
    kept = counted if masked is None else counted & (labels != masked)
    name = type(part).__name__
    wrong = int((kept & padding).sum())
    if wrong:
        now = f"masks token {masked}" if masked is not None else "masks no token"
        other = "" if weighted else ", or list it under weighted_metrics"
        yield Finding(
            "padding_counts",
            f"{name} {now}, but padding is token {token}, and {percent(wrong / kept.sum())} of the "
            f"labels it counts are padding; pass mask_token_id={token}{other}.",
        )
    elif masked not in (None, token) and masked >= 0:  # -100 and its like are no text
        lost = int((counted & ~padding & (labels == masked)).sum())
        if lost:
            yield Finding(
                "token_left_out",
                f"{name} leaves out token {masked}, which is text and not padding (that is token "
                f"{token}); pass mask_token_id={token}, or None where sample weights mask.",
            )


def _masking_parts(model: Any) -> Iterator[tuple[Any, bool]]:
    """Losses and metrics that may mask a token, and whether they are handed sample weights."""
    for loss in keras.tree.flatten(model.loss):
        if mask_token(loss) is not None:
            yield loss, True
    compiled = getattr(model, "_compile_metrics", None)
    if compiled is None:
        return
    for metrics, weighted in (
        (compiled._user_metrics, False),
        (compiled._user_weighted_metrics, True),
    ):
        for metric in keras.tree.flatten(metrics):
            if "mask_token_id" in getattr(metric, "__dict__", {}):
                yield metric, weighted


def mask_token(part: Any) -> int | None:
    """The label that a metric or a loss leaves out, under KerasNLP's name for it or Keras's."""
    token = getattr(part, "mask_token_id", None)
    return getattr(part, "ignore_class", None) if token is None else token


def _seen(model: Any, batch: Batch) -> np.ndarray:
    """Where Keras hands a weight above zero on: sample weights, and the mask of an embedding."""
    counted = batch.counted
    assert counted is not None
    if (
        batch.token_ids is not None
        and batch.token_ids.shape == counted.shape
        and _masks_zero(model)
    ):
        counted = counted & (batch.token_ids != 0)
    return counted


def padding_token(run: Run) -> int | None:
    """The id that rows are filled up with, by the surest source that says it."""
    batch = run.batch
    assert batch is not None
    mask, ids = batch.inputs.get("padding_mask"), batch.token_ids
    if mask is not None and ids is not None and mask.shape == ids.shape:
        filled = np.unique(ids[mask == 0])
        if len(filled) == 1:
            return int(filled[0])
    if isinstance(run.preprocessor, Preprocessor):
        return run.preprocessor.pad_token_id
    if _masks_zero(run.model):
        return 0
    return _token_at_ends(batch.token_labels)


def _masks_zero(model: Any) -> bool:
    return any(getattr(layer, "mask_zero", False) for layer in model._flatten_layers())


def _token_at_ends(labels: np.ndarray | None) -> int | None:
    """The token that ends rows over and over, the same one in at least two rows."""
    if labels is None or labels.shape[1] <= PADDING_RUN:
        return None
    ends = labels[:, -PADDING_RUN:]
    tokens = ends[(ends == ends[:, :1]).all(axis=1), 0]
    return int(tokens[0]) if len(tokens) > 1 and len(np.unique(tokens)) == 1 else None


def padding_of(labels: np.ndarray, token: int) -> np.ndarray:
    """Where rows are filled up: the run of a token at the end, but for the first of the run.

    Where the end token fills rows up too, that first one is text.
    """
    run = np.cumprod((labels == token)[:, ::-1], axis=1)[:, ::-1].astype(bool)
    run[:, 1:] &= run[:, :-1]
    return run


def vocabulary_of_labels(model: Any) -> int | None:
    """How many labels there are: the width of logits [batch, length, vocabulary]."""
    shape = getattr(model, "output_shape", None)
    return shape[-1] if isinstance(shape, tuple) and len(shape) == 3 else None


def vocabulary_of_input(model: Any, name: str) -> int | None:
    """How many rows the embedding has that reads an input."""
    for layer in model.layers:
        if isinstance(layer, Backbone) and name == "token_ids":
            return layer.config.vocabulary_size
    inputs = [t for t in model.inputs or () if name in ("", t._keras_history.operation.name)]
    sizes = [
        size
        for tensor in inputs
        for node in tensor._keras_history.operation._outbound_nodes
        if (size := _rows(node.operation)) is not None
    ]
    return min(sizes) if len(inputs) == 1 and sizes else None


def _rows(layer: Any) -> int | None:
    """The rows of a layer that looks ids up, under the names that such layers have for them."""
    size = getattr(layer, "vocabulary_size", None)
    return getattr(layer, "input_dim", None) if size is None else size
