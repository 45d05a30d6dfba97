"""Everything that touches nnU-Net's internals: one folder to mend on an nnU-Net release.

This module is imported at every start of the interpreter (see ``registration``), so it imports
nothing.
"""
