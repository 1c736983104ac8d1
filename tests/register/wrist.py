"""Two real X-rays of a wrist with a CT of its radius, as Brown University's Autoscoper ships them."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torchio
from PIL import Image, ImageSequence

from diffpose_nb import ct
from diffpose_nb.camera import Camera, invert, make_transform
from diffpose_nb.images import XRay

FOLDER = Path(os.environ.get("DIFFPOSE_NB_DATA", "/nowhere")) / "wrist"
needs_wrist = pytest.mark.skipif(
    not (FOLDER / "silver.json").exists(), reason="DIFFPOSE_NB_DATA names no folder with the real X-rays of a wrist"
)
SPACING = np.array([0.39625, 0.39625, 0.625])
SID = 1400.0  # mm; any that exceeds the bone's depth, only its ratio to the size of a pixel is known


def radius():
    """The radius alone, with nothing around it."""
    pages = ImageSequence.Iterator(Image.open(FOLDER / "rad_dcm_cropped.tif"))
    values = np.stack([np.array(page) for page in pages]).astype(np.float32).transpose(2, 1, 0)
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -(np.array(values.shape) - 1) * SPACING / 2
    volume = torchio.ScalarImage(tensor=torch.from_numpy(values - 1000)[None], affine=affine)
    return torchio.Subject(
        volume=volume,
        density=torchio.ScalarImage(tensor=ct.linear_attenuation(volume.data), affine=affine),
        mask=torchio.LabelMap(tensor=torch.from_numpy((values > 0).astype(np.int32))[None], affine=affine),
        structures=pd.DataFrame({"id": [1], "structure": ["radius"], "group": ["bone"]}),
        lps_from_world=torch.eye(4, dtype=torch.float64),
        notes=[],
        orientation=None,
        reorient=torch.eye(4),
        fiducials=None,
    )


def xray(number, frame="0099"):
    """The X-ray of camera 1 or 2; its pose is that of the camera in the fluoroscope's frame."""
    blocks, name = {}, None
    for line in (FOLDER / f"xr_calib_wrist_cam0{number}.txt").read_text().splitlines():
        if line.strip() and line[0].isalpha():
            name, blocks[line.strip()] = line.strip(), []
        elif line.strip():
            blocks[name].append([float(value) for value in line.split(",")])
    k = np.array(blocks["camera matrix"])
    camera = Camera(SID, (SID / k[1, 1], SID / k[0, 0]), (1760, 1760), (k[0, 2], k[1, 2]), mirrored=False)
    rotation, shift = np.array(blocks["rotation"]), np.array(blocks["translation"]).ravel()
    camera_from_fluoroscope = make_transform(torch.from_numpy(rotation), torch.from_numpy(shift))
    pixels = np.array(Image.open(FOLDER / f"xr_rad_uln_cam0{number}_UND.{frame}.tif")).astype(np.float32)
    return XRay(torch.from_numpy(pixels), camera, invert(camera_from_fluoroscope), notes=[], relationship="LIN")


def silver():
    """(4, 4) ``fluoroscope_from_radius`` in frame 0099, good to about half a millimetre."""
    found = json.loads((FOLDER / "silver.json").read_text())
    rotation, shift = (torch.tensor(found[key], dtype=torch.float64) for key in ("R", "t"))
    return make_transform(rotation, shift)
