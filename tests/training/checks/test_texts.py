import numpy as np
import pytest

from hornbook.preprocessing import CausalLMPreprocessor
from hornbook.training import preflight

pytestmark = pytest.mark.backend_free


@pytest.mark.parametrize(("cut", "found"), [(0, []), (1, []), (3, ["texts_cut_off"])])
def test_texts_that_are_cut_off(untrained, cut, found):
    texts = [" ".join("abcdefghij"[: 10 if row < cut else 9]) for row in range(15)]
    findings = preflight(untrained, texts)
    assert [finding.code for finding in findings] == found
    if found:
        assert "20% of the first 15 texts" in findings[0].message
        assert "sequence_length of 8" in findings[0].message


def test_the_labels_reach_one_token_further(tokenizer, make_task):
    task = make_task()
    task.preprocessor = CausalLMPreprocessor(tokenizer, sequence_length=9)
    assert preflight(task, ["a b c d e f g h i j"]) == []


def test_long_texts_are_read_only_as_far_as_needed(untrained, monkeypatch):
    read = []
    kind = type(untrained.preprocessor.tokenizer)
    encode = kind.encode_batch
    monkeypatch.setattr(
        kind, "encode_batch", lambda self, texts: read.extend(texts) or encode(self, texts)
    )
    (finding,) = preflight(untrained, np.array(["a b c d " * 10_000] * 20))
    assert finding.code == "texts_cut_off"
    assert max(map(len, read)) == 64
