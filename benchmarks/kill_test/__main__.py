"""Kill -9 at random moments of preprocessing, of training and of writing checkpoints.

    python -m benchmarks.kill_test [-n 50] [--seed 0]

A life is one training of the tests' tiny 3D phantoms on the CPU, which is killed with all of its
processes up to three times: while it preprocesses the unlabeled cases, at any moment between the
first line of its log and the end of its validation, and from the moment that a checkpoint is being
written. After every kill each checkpoint and each preprocessed case that is there has to be whole.
Restarts, with --c where a checkpoint is there, have to reach the end, with weights, optimizer,
teacher, thresholds, random state, log, cases and validation predictions equal to those of the
training that nobody has killed, bit for bit.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.kill_test.killing import PHASES, KillTest
from tests.planned import plan


def main() -> None:
    """Kill so often and print what was seen; the first thing that is not in order raises."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-n", type=int, default=50, help="number of kills")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    args = parser.parse_args()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        test = KillTest(plan(Path(folder), dimensions=3), Path(folder) / "lives", args.seed)
        while test.kills() < args.n:
            test.live(min(len(PHASES), args.n - test.kills()))
            print(f"{test.kills()} of {args.n} kills", flush=True)
    print(f"Every life ended like the reference, in {(time.monotonic() - start) / 60:.0f} min:")
    for words, count in sorted(test.counts.items()):
        print(f"  {words}: {count}")


if __name__ == "__main__":
    main()
