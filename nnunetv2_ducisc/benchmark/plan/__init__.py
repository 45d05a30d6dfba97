"""The YAML file, and whether the data sets and trainers that it names are there."""
