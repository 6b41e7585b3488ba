"""The library under llgmin, lloptim and llpathsample."""

__version__ = "0.1.0"
