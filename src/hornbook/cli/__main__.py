"""`python -m hornbook.cli` is the `hornbook` command."""

from hornbook.cli import main

main()
