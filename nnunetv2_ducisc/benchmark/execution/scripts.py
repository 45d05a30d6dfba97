"""Job scripts for schedulers that are not spoken to here."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from nnunetv2_ducisc.benchmark.units.unit import Unit

RUNNER = "run_all.sh"
_HEAD = "#!/usr/bin/env bash\n"
_LAST = (
    "# Last: whatever is not done yet is done here, trainings too; then the test labels are opened "
    "and the table is made"
)


def write_scripts(
    folder: Path, stages: Sequence[Sequence[Unit]], command: str, variables: Mapping[str, str]
) -> list[Path]:
    """Write a script for each unit, and one that runs all of them in order.

    Args:
        folder: for the scripts.
        stages: units of a stage may run side by side, stages not.
        command: ``ducisc benchmark PLAN -o WORK``, which does what is left and makes the table.
        variables: that every script sets.

    Returns:
        The scripts, the one that runs the others last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exports = "".join(f"export {name}={shlex.quote(v)}\n" for name, v in variables.items())
    lines = [
        _HEAD + "# The scripts of a stage may run side by side, the stages only in this order."
    ]
    scripts = []
    for number, stage in enumerate(stages, start=1):
        lines.append(f"\n# Stage {number}")
        for unit in stage:
            file = folder / f"{number}_{unit.name.replace('/', '__')}.sh"
            _write(file, _script(unit, f"{exports}{command} --unit {shlex.quote(unit.name)}\n"))
            lines.append(f"bash {shlex.quote(str(file))}")
            scripts.append(file)
    lines += [f"\n{_LAST}", f"{exports}{command}\n"]
    _write(folder / RUNNER, "\n".join(lines))
    return [*scripts, folder / RUNNER]


def _script(unit: Unit, commands: str) -> str:
    """With the steps that its command runs as comments."""
    steps = "".join(f"#   {step.title.lstrip('# ')}\n" for step in unit.steps.values())
    return f"{_HEAD}# {unit.name}: what is not done yet of\n{steps}set -euo pipefail\n{commands}"


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
