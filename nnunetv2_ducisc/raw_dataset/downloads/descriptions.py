"""dataset.json of a converted data set."""

from __future__ import annotations

import json
from pathlib import Path

from nnunetv2.dataset_conversion.generate_dataset_json import generate_dataset_json

from nnunetv2_ducisc import __version__
from nnunetv2_ducisc.raw_dataset.downloads.source import Source


def write_dataset_json(
    folder: Path, name: str, source: Source, channel: str, note: str, num_labeled: int, ending: str
) -> None:
    """Write it by nnU-Net, with the citation, which nnU-Net 2.8 leaves out.

    Args:
        folder: of the dataset in the making.
        name: that the dataset will have.
        source: the data set.
        channel: by whose name nnU-Net chooses the normalization.
        note: on what has been done to the images.
        num_labeled: cases in imagesTr.
        ending: of all files.
    """
    generate_dataset_json(
        str(folder),
        {0: channel},
        dict(source.labels),
        num_labeled,
        ending,
        reference=source.reference,
        dataset_name=name,
        license=source.licence,
        description=f"{source.title}: {note}",
        converted_by=f"nnunetv2-ducisc {__version__}",
    )
    file = folder / "dataset.json"
    content = json.loads(file.read_text(encoding="utf-8")) | {"citation": source.reference}
    file.write_text(json.dumps(content, indent=4), encoding="utf-8")
