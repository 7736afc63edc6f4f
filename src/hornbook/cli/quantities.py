"""Counts and sizes for people."""


def count(number: int | None) -> str:
    """Writes a count with three digits, such as 135M; unknown is a dash.

    Example:
        >>> count(134_515_008)
        '135M'
    """
    if number is None:
        return "-"
    return _scaled(number, ("", "K", "M", "B", "T"))


def size(number_of_bytes: int) -> str:
    """Writes a number of bytes in decimal units, such as 269 MB.

    Example:
        >>> size(269_030_016)
        '269 MB'
    """
    return _scaled(number_of_bytes, (" B", " kB", " MB", " GB", " TB"))


def _scaled(number: float, units: tuple[str, ...]) -> str:
    for unit in units[:-1]:
        if number < 999.5:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g}{units[-1]}"
