"""Semi-supervised training inside nnU-Net v2: the DuCiSC method as a trainer.

This module is imported at every start of the interpreter (see ``nnunet/registration``), so it
imports nothing.
"""

__version__ = "0.1.0"
