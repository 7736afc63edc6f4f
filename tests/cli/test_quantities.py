import pytest

from hornbook.cli.quantities import count, size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"),
        (0, "0"),
        (999, "999"),
        (1000, "1K"),
        (999_499, "999K"),
        (999_999, "1M"),
        (134_515_008, "135M"),
        (1_235_814_400, "1.24B"),
        (3_000_000_000_000_000, "3e+03T"),
    ],
)
def test_counts_have_three_digits(number, text):
    assert count(number) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 B"), (1000, "1 kB"), (269_030_016, "269 MB")])
def test_sizes_are_decimal(number, text):
    assert size(number) == text
