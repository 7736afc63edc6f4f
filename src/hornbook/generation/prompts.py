"""The forms that prompts come in: texts, chats and token ids, brought to padded token ids."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from keras import ops

from hornbook.errors import GenerationError

Kind = Literal["text", "chat", "ids"]


@dataclass(frozen=True)
class Prompts:
    """A batch of prompts.

    Attributes:
        token_ids: int32 [batch, length], right-padded.
        lengths: int32 [batch].
        kind: what they were; the output has the same form.
        batched: whether there was a batch, or a single prompt.
    """

    token_ids: np.ndarray
    lengths: np.ndarray
    kind: Kind
    batched: bool


def kind_of(inputs: Any) -> Kind:
    """Tells texts, chats and token ids apart."""
    if isinstance(inputs, Mapping):
        return "ids"
    if _is_chat(inputs) or (isinstance(inputs, list | tuple) and inputs and _is_chat(inputs[0])):
        return "chat"
    return "text"


def is_dataset(inputs: Any) -> bool:
    """Says whether the inputs are a `tf.data.Dataset`, without importing TensorFlow."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(inputs, tensorflow.data.Dataset)


def read_prompts(preprocessor: Any, inputs: Any, maximum: int) -> Prompts:
    """Brings prompts to token ids.

    Args:
        preprocessor: of the model; None if only ids are given.
        inputs: a text or texts, in any form that the preprocessor reads; a chat (messages with
            `role` and `content`) or a list of chats; or `{"token_ids", "padding_mask"}`, each
            [batch, length] or [length].
        maximum: the tokens that a prompt may have.

    Raises:
        GenerationError: when a prompt is too long, or not in one of these forms.
    """
    kind = kind_of(inputs)
    if kind == "ids":
        return _read_ids(inputs)
    if preprocessor is None:
        raise GenerationError(
            "This model has no tokenizer, so it can't read text; give it "
            '{"token_ids": ..., "padding_mask": ...}, or a preprocessor'
        )
    if kind == "chat":
        return _read_chats(preprocessor.tokenizer, inputs)
    arrays = preprocessor.generate_preprocess(inputs, sequence_length=maximum, pad_to="longest")
    return _from_arrays(arrays["token_ids"], arrays["padding_mask"], "text")


def _is_chat(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) > 0
        and all(isinstance(message, Mapping) and "role" in message for message in value)
    )


def _read_chats(tokenizer: Any, inputs: Any) -> Prompts:
    batched = not _is_chat(inputs)
    chats: Sequence[Any] = inputs if batched else [inputs]
    if not all(map(_is_chat, chats)):
        raise GenerationError(
            'A list of chats holds something else; expected lists of {"role", "content"} messages'
        )
    # The template brings all special tokens along.
    rows = tokenizer.encode_batch([tokenizer.apply_chat_template(chat) for chat in chats])
    lengths = np.array([len(row) for row in rows], dtype=np.int32)
    token_ids = np.zeros((len(rows), lengths.max()), dtype=np.int32)
    for row, ids in zip(token_ids, rows, strict=True):
        row[: len(ids)] = ids
    return Prompts(token_ids, lengths, "chat", batched)


def _read_ids(inputs: Mapping[str, Any]) -> Prompts:
    missing = {"token_ids", "padding_mask"} - set(inputs)
    if missing:
        raise GenerationError(
            f"The inputs have {sorted(inputs)}, but no {sorted(missing)}; expected token_ids and "
            "padding_mask, each [batch, length]"
        )
    return _from_arrays(inputs["token_ids"], inputs["padding_mask"], "ids")


def _from_arrays(token_ids: Any, padding_mask: Any, kind: Kind) -> Prompts:
    token_ids = np.asarray(ops.convert_to_numpy(token_ids), dtype=np.int32)
    mask = np.asarray(ops.convert_to_numpy(padding_mask), dtype=bool)
    if token_ids.shape != mask.shape or token_ids.ndim not in (1, 2):
        raise GenerationError(
            f"token_ids has shape {token_ids.shape} and padding_mask {mask.shape}; expected the "
            "same, [batch, length] or [length]"
        )
    batched = token_ids.ndim == 2
    token_ids, mask = np.atleast_2d(token_ids), np.atleast_2d(mask)
    if (mask[:, 1:] & ~mask[:, :-1]).any():
        raise GenerationError(
            "padding_mask has padding before tokens; expected rows that are padded on the right"
        )
    return Prompts(token_ids, mask.sum(axis=1, dtype=np.int32), kind, batched)
