"""`python -m analysis` is the command `analysis`."""

from analysis.run.cli import main

main()
