"""``ducisc preprocess``."""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import dataclass

from nnunetv2_ducisc.verbs import options


@dataclass(frozen=True)
class Preprocess:
    """Preprocess the unlabeled images of a dataset now, as training would when it starts."""

    dataset: str
    configuration: str
    plans: str
    processes: int | None

    @staticmethod
    def add_options(parser: ArgumentParser) -> None:
        """-d, -c, -p and -np."""
        options.dataset(parser)
        options.configuration(parser)
        options.processes(parser)

    def run(self) -> int:
        """Preprocess what is missing or out of date."""
        from nnunetv2.configuration import default_num_processes

        from nnunetv2_ducisc.nnunet.preprocessing import prepare_unlabeled
        from nnunetv2_ducisc.nnunet.unlabeled_data import UnlabeledData

        data = UnlabeledData.named(self.dataset, self.configuration, self.plans)
        folder, cases = prepare_unlabeled(data, self.processes or default_num_processes)
        print(f"{len(cases)} unlabeled cases are preprocessed in {folder}.")
        return 0
