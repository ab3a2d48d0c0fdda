"""Let `python -m calsignal` be the command."""

from calsignal.cli import main

main()
