"""The verbs of ``ducisc``, a file each: options -> dataclass -> run.

What a verb needs is imported when it runs: ``ducisc --help`` must not wait for torch, and ``ducisc
doctor`` must work where torch or nnU-Net do not.
"""
