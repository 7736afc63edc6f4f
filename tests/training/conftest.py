import keras
import pytest

from hornbook.losses import SparseTokenCrossentropy
from hornbook.metrics import Perplexity
from hornbook.preprocessing import CausalLMPreprocessor, EncoderPreprocessor
from hornbook.tasks.task import Task
from hornbook.tokenizers.word_piece import WordPieceTokenizer

LETTERS = "abcdefghij"


@pytest.fixture(scope="session")
def tokenizer():
    return WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS])


@pytest.fixture(scope="session")
def preprocessor(tokenizer):
    return CausalLMPreprocessor(tokenizer, sequence_length=8)


@pytest.fixture(scope="session")
def encoder_preprocessor(tokenizer):
    return EncoderPreprocessor(tokenizer, sequence_length=8)


@pytest.fixture(scope="session")
def texts():
    """Ten stretches of the alphabet, of two to seven letters."""
    return [" ".join(LETTERS[i % 4 : i % 4 + 2 + i % 6]) for i in range(10)]


@pytest.fixture(scope="session")
def make_task(tokenizer, preprocessor):
    """Makes equal bigram models: a task whose step is compiled in a moment."""

    def make():
        keras.utils.set_random_seed(0)
        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="int32", name="padding_mask"),
        }
        size = tokenizer.vocabulary_size()
        logits = keras.layers.Embedding(size, size)(inputs["token_ids"])
        task = Task(keras.Model(inputs, logits), preprocessor, logits)
        task.compile(
            optimizer=keras.optimizers.Adam(0.1),
            loss=SparseTokenCrossentropy(),
            weighted_metrics=[Perplexity(from_logits=True)],
        )
        return task

    return make


@pytest.fixture(scope="session")
def untrained(make_task):
    """One task for all tests that only evaluate or predict."""
    return make_task()
