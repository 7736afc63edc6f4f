"""What is made of the rounds: medians, rates, shares and ratios, in files and back."""

import doctest
import importlib
import pkgutil
from dataclasses import replace

import pytest

from hornbook import bench
from hornbook.bench.bounds import Sizes, decode_bound, prefill_bound, train_bound
from hornbook.bench.limits import Limits
from hornbook.bench.lines import headers, limit_line, row
from hornbook.bench.results import Report, Result, read_report
from hornbook.errors import BenchmarkError

SIZES = Sizes(
    parameters=1200,
    read_parameters=1000,
    matrix_parameters=800,
    head_parameters=200,
    attention_width=16,
    cache_width=32,
    vocabulary_size=10,
)
LIMITS = Limits("CPU", {"copy, numpy": 1e6, "copy, torch": 2e6, "float32, jax": 1e9})


def result(name, *seconds, cell="1x8", limit=20.0):
    return Result(name, cell, 10.0, limit, tuple({"seconds": s, "memory": 1e9} for s in seconds))


@pytest.fixture
def report():
    return Report(
        benchmark="decode",
        unit="tokens/s",
        model="tiny",
        dtype="float32",
        command="hornbook bench decode",
        date="2026-01-01T00:00+00:00",
        machine={"device": "CPU", "processor": "one", "cores": 2, "memory_bytes": 2e9},
        versions={"python": "3.11"},
        limits=LIMITS.measured,
        limit_texts={"1x8": "what there is"},
        results=(result("hornbook/jax", 3, 1, 2), result("plain jax", 4), result("plain torch", 9)),
        left_out={"kerashub/jax": "it is missing"},
    )


def test_the_median_counts(report):
    own = report.results[0]
    assert (own.seconds, own.rate, own.share, own.memory) == (2, 5, 0.25, 1e9)
    assert report.ratio(own) == 2


def test_a_time_that_is_too_short_has_no_rate(report):
    none = result("hornbook/jax", -0.1)
    assert (none.rate, none.share) == (None, None)
    assert report.ratio(none) is None
    assert row(report, none)[1:4] == ["-", "-", "-"]


def test_a_ratio_needs_a_peer(report):
    alone = replace(report, results=report.results[:1])
    assert alone.ratio(alone.results[0]) is None


def test_a_report_is_the_same_after_its_file(report, tmp_path):
    path = tmp_path / "report.json"
    path.write_text(report.to_json())
    assert read_report(path) == report


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"results": 3}'])
def test_a_file_without_a_report_says_so(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(BenchmarkError, match="holds no report"):
        read_report(path)


def test_columns_and_figures_fit(report):
    assert len(headers(report, "1x8")) == len(row(report, report.results[0]))
    assert limit_line(report, "1x8") == "limit 20 tokens/s: what there is"


def test_a_second_process_has_a_column_where_there_was_one(report):
    restarted = replace(report.results[0], first_call=3.0, second_process=0.5)
    report = replace(report, results=(restarted, *report.results[1:]))
    columns = headers(report, "1x8")
    rows = [dict(zip(columns, row(report, one), strict=True)) for one in report.results]
    assert (rows[0]["first call"], rows[0]["second process"]) == ("3 s", "500 ms")
    assert rows[1]["second process"] == "-"


def test_decoding_reads_weights_and_cache():
    bound = decode_bound(SIZES, LIMITS, "bfloat16", batch=3, prompt=10, new=20)
    assert bound.rate == pytest.approx(3 * 2e6 / (1000 * 2 + 3 * 20 * 32 * 2))


def test_a_prompt_has_one_row_of_logits():
    bound = prefill_bound(SIZES, LIMITS, "float32", batch=2, prompt=4)
    operations = 2 * (4 * 2 * 800 + 2 * 200 + 4 * 4 * 16 * 2)
    assert bound.rate == pytest.approx(8 * 1e9 / operations)


def test_training_takes_three_passes():
    bound = train_bound(SIZES, LIMITS, "float32", batch=2, length=4)
    assert bound.rate == pytest.approx(1e9 / (3 * (2 * 1000 + 4 * 16 * 2)))


def test_a_type_whose_rate_is_unknown_has_no_bound():
    assert prefill_bound(SIZES, LIMITS, "bfloat16", batch=2, prompt=4) is None


def modules():
    names = [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.ispkg]
    return [f"hornbook.bench.{name}" for name in names]


@pytest.mark.parametrize("name", modules())
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
