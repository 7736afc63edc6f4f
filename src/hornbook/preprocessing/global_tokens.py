"""Which tokens of a row have global attention, where a task gives it to one of two texts."""

import numpy as np

from hornbook.layers.sliding_window_attention import GLOBAL_POSITIONS, global_positions

STEP = 16
"""Numbers of positions are multiples of it, so that there are few shapes to compile for."""


def with_global_positions(
    features: dict[str, np.ndarray], kind: str | None, separator_id: int, num_separators: int
) -> dict[str, np.ndarray]:
    """Adds the positions of tokens with global attention to an encoder's inputs.

    Follows Beltagy et al., "Longformer" (2020): of a question and a context, the question has it,
    and of a prompt and a choice, the choice, as transformers has it.

    Args:
        features: the inputs of pairs of texts, each [batch, length].
        kind: "first_text", what stands before the first separator; "second_text", what stands
            behind those between the texts; any other adds nothing.
        separator_id: what stands between the texts.
        num_separators: how often.

    Example:
        >>> ids = np.array([[1, 5, 2, 7, 7, 2]])
        >>> features = {"token_ids": ids, "padding_mask": ids > 0}
        >>> made = with_global_positions(features, "first_text", 2, 1)
        >>> made["global_positions"][0, :3].tolist()
        [0, 1, -1]
    """
    if kind not in ("first_text", "second_text"):
        return features
    token_ids, real = features["token_ids"], np.asarray(features["padding_mask"], bool)
    places = np.arange(token_ids.shape[1])
    border = (token_ids == separator_id).argmax(axis=1)[:, None]
    own = places < border if kind == "first_text" else places >= border + num_separators
    positions = global_positions(own & real)
    width = -(-max(positions.shape[1], 1) // STEP) * STEP
    rest = np.full((len(positions), width - positions.shape[1]), -1, "int32")
    return {**features, GLOBAL_POSITIONS: np.concatenate([positions, rest], axis=1)}
