"""`python -m llgmin`: the console program without its script."""

from llgmin.cli import main

main()
