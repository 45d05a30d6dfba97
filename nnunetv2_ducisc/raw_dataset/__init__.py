"""Writes nnU-Net's raw layout with unlabeled cases: for downloads, and for any labeled dataset."""
