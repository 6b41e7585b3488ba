"""lloptim: double-ended transition-state searches; writes minimum-TS-minimum triples."""
