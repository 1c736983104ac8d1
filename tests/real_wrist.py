"""Two real X-rays of a wrist with a CT of its bones, for tests of registration."""

import os
from pathlib import Path

import pytest

from diffpose_nb import sets
from diffpose_nb.sets.biplane.autoscoper import SILVER

FOLDER = Path(os.environ.get("DIFFPOSE_NB_DATA", "/nowhere")) / "wrist"
needs_wrist = pytest.mark.skipif(
    not (FOLDER / "rad_dcm_cropped.tif").exists(),
    reason="DIFFPOSE_NB_DATA names no folder with the real X-rays of a wrist",
)


def radius():
    """The radius alone, with nothing around it."""
    return sets.wrist(FOLDER).patient("radius").subject()


def xray(number, frame="0099"):
    """The X-ray of camera 1 or 2; its pose is that of the camera in the fluoroscope's frame."""
    return sets.wrist(FOLDER).patient("radius").xray(f"{frame} cam0{number}").read()


def silver():
    """(4, 4) ``fluoroscope_from_radius`` in frame 0099, good to about half a millimetre."""
    return SILVER
