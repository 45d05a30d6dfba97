"""Pieces of work that are done or not: a copy of a data set, a training, an evaluation."""
