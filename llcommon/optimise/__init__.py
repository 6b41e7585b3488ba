"""Local searches behind the numerical seam: quenches, eigenmodes, bands and saddle searches."""
