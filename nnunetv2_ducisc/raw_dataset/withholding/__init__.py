"""``ducisc withhold``: a semi-supervised copy of a labeled dataset."""
