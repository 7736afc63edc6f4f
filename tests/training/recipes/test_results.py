import csv
import dataclasses
import json

import pytest

from hornbook.training.recipes import results

pytestmark = pytest.mark.backend_free


@pytest.fixture
def result():
    return results.RunResult(
        "original", {}, "abc", 0, 4.0, 54.6, 4.1, 60.3, 71.25, 3_387_266, 32, 12_000,
        {"embedding": 1_312_768}, {"loss": [5.0, 4.0]}, {"0": ["text"]}, [],
    )  # fmt: skip


@pytest.fixture
def other(result):
    return dataclasses.replace(result, recipe="final_norm", point={"num_heads": 4}, batch_size=16)


def test_another_batch_size_is_marked(result, other):
    table = results.markdown([result, other])
    assert "| original | 4 | 54.6 | 4.1 | 60.3 | 71.25 | 3,387,266 | 32 | 12,000 | 0 |" in table
    assert "| final_norm num_heads=4 |" in table
    assert "| 16* |" in table
    assert (
        "* 'final_norm num_heads=4' trained with another batch size than 'original' (32)" in table
    )
    assert [finding.code for finding in results.compare([result, other])] == ["batch_size_differs"]
    assert results.compare([result, result]) == results.compare([]) == []
    assert "*" not in results.markdown([result])


def test_a_planned_run_is_compared_with_what_will_stand_beside_it(result, other):
    def codes(before, *planned):
        runs = [results.PlannedRun(*one) for one in planned]
        return [finding.code for finding in results.compare_planned(before, runs)]

    assert codes([]) == codes([result]) == codes([], ("a", 0, 8)) == []
    assert codes([result], ("a", 0, 32)) == []
    assert codes([result], ("a", 0, 16)) == ["batch_size_differs"]
    # It takes the place of the first, with which the other is compared.
    assert codes([result, other], ("original", 0, 16)) == []
    assert codes([result, other], ("original", 0, 8)) == ["batch_size_differs"]
    # What differs already is no finding of a run that doesn't.
    assert codes([result, other], ("a", 0, 32)) == []
    assert codes([], ("a", 0, 8), ("b", 0, 4)) == ["batch_size_differs"]


def test_tables_are_written_and_read_back(result, other, tmp_path):
    assert results.read(tmp_path) == []
    results.write([result, other], tmp_path / "new")
    assert results.read(tmp_path / "new") == [result, other]
    with (tmp_path / "new" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["val_perplexity"] for row in rows] == ["60.3", "60.3"]
    assert json.loads((tmp_path / "new" / "results.json").read_text())[0]["parts"]
    assert (tmp_path / "new" / "results.md").read_text() == results.markdown([result, other])


def test_a_run_takes_the_place_of_its_earlier_one(result, other):
    again = dataclasses.replace(result, loss=3.0)
    seeded = dataclasses.replace(result, seed=1)
    assert results.merged([result, other], [again, seeded]) == [again, other, seeded]


def test_results_of_another_version_can_be_read(result):
    values = dataclasses.asdict(result) | {"unknown": 1}
    assert results.from_json(values) == result
