"""Point estimate, mixed minima or full marginalisation of the coordinates of a likelihood, and what its landscape says.

`problem`: the posterior of a landscape. `harmonic`: its minima as a density. `importance`, `quadrature`, `sampling`:
ways to integrate over it. `predictions`: what they predict. `comparison`: all of it for one data set, `correlations`
over several.
"""
