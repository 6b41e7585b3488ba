"""What the minima of one group have in common and how groups differ; planes through weight space."""
