"""Put this folder on nnU-Net's list of folders that it searches for trainers.

The wheel carries ``nnunetv2_ducisc.pth``, whose one line makes every start of the interpreter
import this module; ``-tr nnUNetTrainerDuCiSC`` then works with no variable set by the user. Being
run at every start, it prints nothing and imports nothing but ``os``, which is loaded by then.
"""

import os

VARIABLE = "nnUNet_extTrainer"


def register(folder: str) -> None:
    """Append ``folder`` to the variable, once: the user's own entries are searched before it."""
    entries = [entry for entry in os.environ.get(VARIABLE, "").split(os.pathsep) if entry]
    if folder not in entries:
        os.environ[VARIABLE] = os.pathsep.join([*entries, folder])


register(__path__[0])
