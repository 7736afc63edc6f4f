"""What a person passes to `fit`, `evaluate` or `predict`, turned into what Keras trains on."""

import random
from typing import Any

from hornbook.errors import DataError
from hornbook.preprocessing import Preprocessor
from hornbook.preprocessing.text_columns import is_text
from hornbook.tokenizers.tensorflow_inputs import is_tensorflow
from hornbook.training.background import BackgroundBatches
from hornbook.training.text_batches import TextBatches
from hornbook.training.text_datasets import NO_PREPROCESSOR, convert_dataset


def prepare(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    preprocessor: Preprocessor | None,
    batch_size: int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> dict[str, Any]:
    """Turns data into the arguments `x`, `y`, `sample_weight` of `keras.Model.fit`.

    Text in memory becomes batches that are tokenized in the background; a dataset that yields
    text yields arrays instead; arrays, and all else, is left to Keras.

    Args:
        x: texts, pairs of texts, arrays, or a dataset (see `text_datasets.convert_dataset`).
        y: labels.
        sample_weight: weights.
        preprocessor: what reads the text; it may be None if there is none.
        batch_size: the greatest number of texts in a batch; 32 by default.
        shuffle: bring texts in memory, or the batches of a `keras.utils.PyDataset`, into a new
            order in each pass.
        seed: of that order; by default drawn from Python's `random`, which
            `keras.utils.set_random_seed` seeds.

    Raises:
        DataError: for text without a preprocessor, or labels or weights that don't fit it.

    Example:
        >>> from hornbook.preprocessing import CausalLMPreprocessor
        >>> from hornbook.tokenizers import WordPieceTokenizer
        >>> tokenizer = WordPieceTokenizer(["[PAD]", "[UNK]", "a", "b"])
        >>> preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=2)
        >>> data = prepare(["a b", "b a b"], preprocessor=preprocessor)
        >>> x, y, sample_weight = data["x"][0]
        >>> x["token_ids"].tolist(), y.tolist()
        ([[2, 3], [3, 2]], [[3, 0], [2, 3]])
    """
    x = as_texts(x)
    if not shuffle:
        seed = None
    elif seed is None:
        seed = random.getrandbits(32)
    if not is_text(x):
        dataset = convert_dataset(preprocessor, x, seed)
        return {"x": dataset, "y": y, "sample_weight": sample_weight}
    if preprocessor is None:
        raise DataError(NO_PREPROCESSOR)
    batches = TextBatches(preprocessor, x, y, sample_weight, batch_size, seed)
    return {"x": BackgroundBatches(batches), "y": None, "sample_weight": None}


def as_texts(x: Any) -> Any:
    """Makes a batch of one text, and an array of a pandas column or an eager string tensor."""
    if isinstance(x, str | bytes):
        return [x]
    if type(x).__module__.startswith("pandas."):
        return x.to_numpy()
    return x.numpy() if is_tensorflow(x) and is_text(x) else x
