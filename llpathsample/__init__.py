"""llpathsample: grows the network of minima, analyses it and draws it."""
