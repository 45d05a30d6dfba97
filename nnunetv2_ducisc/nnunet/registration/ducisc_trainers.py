"""The module that nnU-Net's trainer lookup finds; this folder must hold no other.

nnU-Net imports every module of the folder until one has the class it wants, and forgets those
modules afterwards. A class defined here would lose its module with that and could not be pickled,
so this one only passes on the classes of the installed package.
"""

# The list is the ``__all__`` of ``variants``: a trainer added there is found with no edit here.
from nnunetv2_ducisc.variants import *  # noqa: F403
