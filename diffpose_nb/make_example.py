"""``python -m diffpose_nb.make_example`` makes the X-ray that ships in ``diffpose_nb/data/``, and its truth."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import numpy as np

from . import ct
from .camera import Camera
from .dicom import XRay, write_xray
from .frames import rigid_motion
from .simulate import simulate_xray

DATA = Path(__file__).parent / "data"
SEED = 9
PRIMARY, SECONDARY = 20.0, 10.0
"""Degrees: LAO 20, CRA 10."""
SOD = 700.0
"""mm"""
# A 31 cm flat detector with pixels of 0.194 mm, read out in blocks of 5 x 5.
CAMERA = Camera(sid=1020.0, pixel_spacing=(0.97, 0.97), shape=(320, 320))


def patient_motion(seed: int = SEED) -> dict[str, list[float]]:
    """How far the patient was from where the header thinks: rotation vector, degrees, and translation, mm.

    Uniform within 6 degrees and 20 mm of each axis, to a tenth: arguments of :func:`diffpose_nb.frames.rigid_motion`.
    """
    rng = np.random.default_rng(seed)
    rotation, translation = rng.uniform(-6.0, 6.0, 3), rng.uniform(-20.0, 20.0, 3)
    return {"rotation": rotation.round(1).tolist(), "translation": translation.round(1).tolist()}


def make_example() -> XRay:
    """The example X-ray: the chest CT seen from LAO 20, CRA 10, by a C-arm whose patient has moved."""
    motion = rigid_motion(**patient_motion())
    return simulate_xray(ct.example(), CAMERA, PRIMARY, SECONDARY, SOD, motion=motion, seed=SEED)


def main(folder: Path = DATA) -> None:
    """Write ``example_xray.dcm`` and ``example_truth.json``, the pose that no header knows."""
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
    (folder / "example_truth.json").write_text(text + "\n")  # a row of the matrix in a line


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.make_example", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DATA, help="where to write (default: the package's own data)")
    main(parser.parse_args().folder)
