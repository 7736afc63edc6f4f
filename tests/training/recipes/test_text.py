import numpy as np
import pytest

from hornbook.errors import DataError
from hornbook.training.recipes import text
from hornbook.training.recipes.recipe import DataConfig

pytestmark = pytest.mark.backend_free


@pytest.fixture
def lines(tiny):
    return text.read_lines(tiny.data)


def test_long_lines_are_kept_and_some_held_out(tiny, lines):
    assert (len(lines.training), len(lines.validation)) == (38, 2)
    assert min(map(len, lines.training)) > 20
    assert text.read_lines(tiny.data) == lines
    few = text.read_lines(tiny.with_values("data", maximum_lines=10).data)
    assert (len(few.training), len(few.validation)) == (9, 1)


def test_text_without_long_lines_is_a_clear_error(corpus):
    with pytest.raises(DataError, match=r"0 lines of more than 5000 characters.*minimum_length"):
        text.read_lines(DataConfig((str(corpus),), minimum_length=5000))


def test_labels_are_the_tokens_and_inputs_begin_with_the_start_token(tiny, lines):
    tokenizer = text.train_tokenizer(tiny.tokenizer, lines.training)
    rows = text.make_rows(tokenizer, ["the cat", "the cat sat on the mat in the rain"])
    assert (rows.inputs[:, 0] == tokenizer.token_to_id("[BOS]")).all()
    assert (rows.inputs[:, 1:] == rows.labels[:, :-1]).all()
    assert tokenizer.detokenize(rows.labels[0], skip_special_tokens=True) == "the cat"
    assert text.share_cut_off(rows) == 0.5


def test_batches_come_in_a_new_order_that_the_seed_decides():
    rows = text.Rows({"a": np.arange(10)}, np.arange(10), np.arange(10))

    def passes(seed):
        batches = text.RowBatches(rows, 3, seed)
        seen = []
        for _ in range(2):
            seen.append([batches[index][1].tolist() for index in range(len(batches))])
            batches.on_epoch_end()
        return seen

    first, second = passes(1)
    assert [len(batch) for batch in first] == [3, 3, 3]
    assert first != second
    assert passes(1) == [first, second]
    assert passes(2) != [first, second]
    assert passes(None)[0] == passes(None)[1] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert len(text.RowBatches(rows, 64, 1)) == 1
    assert len(text.RowBatches(rows, 3, 1, most=2)) == 2
