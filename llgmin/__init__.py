"""llgmin: global optimisation of a loss function; writes minima."""
