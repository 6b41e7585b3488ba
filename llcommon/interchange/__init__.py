"""Files of other programs: what of a landscape goes into them."""
