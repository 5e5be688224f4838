"""`python -m benchmark.cli` is `manifoldbench`."""

from benchmark.cli import main

main()
