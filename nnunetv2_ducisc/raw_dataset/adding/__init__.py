"""``ducisc add-unlabeled``: images from anywhere to imagesUn of a dataset."""
