"""``python -m diffpose_nb.commands.example`` makes the example X-ray in ``diffpose_nb/data/``, and its true pose."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from ..data import FOLDER
from ..dicom import write_xray
from ..study import make_example, patient_motion


def main(folder: Path = FOLDER) -> None:
    """Write ``example_xray.dcm``, and ``example_truth.json`` with the true pose, which the header does not contain."""
    xray = make_example()
    truth = {
        "about": "True pose of example_xray.dcm: world_from_camera, 4 x 4, mm. World: RAS axes, origin at the centre "
        "of the CT. It is motion @ nominal: the header's pose, moved by rotation (vector, degrees) and then "
        "translation (mm) in world axes.",
        "motion": patient_motion(),
        "world_from_camera": xray.true_world_from_camera.tolist(),
    }
    write_xray(folder / "example_xray.dcm", xray)
    text = re.sub(r"\[\s+([^\[\]]+?)\s+\]", lambda row: f"[{' '.join(row[1].split())}]", json.dumps(truth, indent=2))
    (folder / "example_truth.json").write_text(text + "\n")  # each row of the matrix is on one line


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.example", description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write (default: the package's own data)")
    main(parser.parse_args().folder)
