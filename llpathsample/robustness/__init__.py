"""How robust minima are against perturbation, and whether that goes with how well they predict."""
