"""The three commands of SLURM that submitit calls, on this machine and without a queue."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SBATCH = """#!/usr/bin/env bash
# Each task of an array, or the only one, is a process of its own, which outlives who submitted it.
cd "$(dirname "$0")/state"
echo . >> submissions
id=$(wc -l < submissions)
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$1")
for task in $(seq 0 "${last:-0}"); do
  job=$id${last:+_$task}
  touch "$job.running"
  export SLURM_JOB_ID=$id SLURM_NTASKS=1 SLURM_JOB_NUM_NODES=1 SLURM_NODEID=0 SLURM_PROCID=0
  export SLURM_LOCALID=0 SLURM_JOB_NODELIST=here
  [ -z "$last" ] || export SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$task
  setsid bash -c "bash '$1'; rm '$job.running'" > "$job.log" 2>&1 < /dev/null &
done
echo "Submitted batch job $id"
"""
SACCT = """#!/usr/bin/env bash
cd "$(dirname "$0")/state"
echo "JobID|State|NodeList"
for file in *.running; do [ -e "$file" ] && echo "${file%.running}|RUNNING|here"; done
echo "999|COMPLETED|here"
echo . >> questions
"""


@dataclass(frozen=True)
class FakeSlurm:
    """A folder with the commands, and what they were asked.

    Attributes:
        bin: for PATH.
    """

    bin: Path

    @classmethod
    def at(cls, folder: Path) -> FakeSlurm:
        """Write the commands."""
        (folder / "state").mkdir(parents=True)
        for name, text in {"sbatch": SBATCH, "sacct": SACCT, "srun": ""}.items():
            (folder / name).write_text(text, encoding="utf-8")
            (folder / name).chmod(0o755)
        return cls(folder)

    @property
    def path(self) -> str:
        """PATH with the commands before all others."""
        return os.pathsep.join([str(self.bin), os.environ["PATH"]])

    def answer(self, command: str) -> None:
        """What sacct does instead of answering."""
        (self.bin / "sacct").write_text(f"#!/usr/bin/env bash\n{command}\n", encoding="utf-8")

    def count(self, what: str) -> int:
        """How many ``submissions`` or ``questions`` there were."""
        file = self.bin / "state" / what
        return len(file.read_text(encoding="utf-8").split()) if file.exists() else 0
