"""``ducisc evaluate``: folders of reference and predicted segmentations in, a table out."""
