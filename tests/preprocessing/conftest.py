import pytest

from hornbook.tokenizers.word_piece import WordPieceTokenizer

WORDS = ["[PAD]", "[UNK]", "[BOS]", "[EOS]", "a", "b", "c", "d", "e"]


@pytest.fixture
def tokenizer():
    """Ids: [PAD] 0, [BOS] 2, [EOS] 3, a 4, b 5, c 6, d 7, e 8."""
    return WordPieceTokenizer(WORDS)


@pytest.fixture
def encoder_tokenizer():
    """Ids: [PAD] 0, [CLS] 2, [SEP] 3, a 4, b 5, c 6, d 7, e 8."""
    return WordPieceTokenizer(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS[4:]])
