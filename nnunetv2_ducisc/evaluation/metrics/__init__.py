"""Metrics of two masks: arrays in, numbers out."""
