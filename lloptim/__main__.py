"""`python -m lloptim`: the console program without its script."""

from lloptim.cli import main

main()
