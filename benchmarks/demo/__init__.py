"""``make demo``: phantoms, nnU-Net's own commands, a table and a figure."""
