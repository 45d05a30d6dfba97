"""The report: what its parts are, how its figures look, and how it is written."""
