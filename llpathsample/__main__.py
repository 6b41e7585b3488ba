"""`python -m llpathsample`: the console program without its script."""

from llpathsample.cli import main

main()
