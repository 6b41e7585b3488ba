"""Choosing what a loss function is made of: landscapes for several values of a setting, beside one another."""
