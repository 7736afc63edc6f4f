"""The small GPT of a notebook, in the layers of hornbook or KerasHub."""

from typing import Any

SHAPES = {
    "notebook": {"layers": 2, "heads": 3, "width": 256, "vocabulary": 5000},
    "notebook-12x12": {"layers": 12, "heads": 12, "width": 256, "vocabulary": 5000},
}
"""Feed-forward networks are as wide as the stream; heads of 85, or of 21, leave a rest of it."""


def make(config: dict[str, Any], library: Any) -> Any:
    """The compiled model.

    "hornbook layers" is the notebook's own form, with Keras's model and loss; in hornbook's own,
    the loss makes the logits piece by piece.
    """
    import keras

    sizes = SHAPES[config["model"]]
    inputs = keras.Input((None,), dtype="int32")
    x = library.layers.TokenAndPositionEmbedding(
        sizes["vocabulary"], config["length"], sizes["width"], mask_zero=True
    )(inputs)
    for _ in range(sizes["layers"]):
        x = library.layers.TransformerDecoder(sizes["width"], sizes["heads"])(x)
    outputs = keras.layers.Dense(sizes["vocabulary"])(x)
    if config["library"] == "hornbook":
        model = library.models.NextTokenModel(inputs, outputs)
        loss = library.losses.SparseTokenCrossentropy(mask_token_id=0)
    else:
        model = keras.Model(inputs, outputs)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    perplexity = library.metrics.Perplexity(from_logits=True, mask_token_id=0)
    model.compile(optimizer="adam", loss=loss, metrics=[perplexity])
    return model
