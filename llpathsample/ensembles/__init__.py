"""Ensembles of the minima of one landscape: which members, how combined, and whether they predict better than one."""
