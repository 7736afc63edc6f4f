"""Writes docs/performance.md from the reports in docs/performance/.

python docs/performance.py
"""

from pathlib import Path

from hornbook.bench.page import make_page

HERE = Path(__file__).parent


def main() -> None:
    (HERE / "performance.md").write_text(make_page(HERE / "performance"), "utf-8")


if __name__ == "__main__":
    main()
