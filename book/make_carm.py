"""``python book/make_carm.py`` makes what the C-arm in the book's pages needs: a small CT, and a registration.

Both are scripts in ``book/_static/carm/``, one copy for all pages. They are scripts, and not data, because a page that
is opened from the disk may load scripts and nothing else.

``ct.js``
    The chest CT in 8 bits, averaged over 4 × 4 voxels of each slice, and the outline of the body.
``registration.js``
    The example X-ray, its true pose, the landmarks, and the pose of every accepted rendering of its registration.
"""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import numpy as np
import torch
import torchio
from contourpy import contour_generator
from scipy import ndimage
from torch import Tensor

from diffpose_nb import ct, data, dicom, frames, plots, register
from diffpose_nb.ct import MU_WATER
from diffpose_nb.images import collimator
from diffpose_nb.render.volumes.volume import Volume

FOLDER = Path(__file__).parent / "_static" / "carm"
BLOCKS = (4, 4, 1)  # voxels that are averaged
AIR = 2  # units of the 8 bits, 30 Hounsfield units above air: slabs with nothing above it are cut off
PIXELS = 256  # of the X-ray, along a side
NAMES = ("primary", "secondary", "turn", "left", "front", "head")  # degrees and mm
_RIM = 8  # pixels of nothing around a shadow
CREDIT = "CT: case LIDC-IDRI-0001 of the LIDC/IDRI collection, CC BY 3.0, averaged and in 8 bits."


def small_ct(subject: torchio.Subject) -> tuple[np.ndarray, float, np.ndarray]:
    """The density as bytes (I, J, K), the unit of these in 1/mm, and ``world_from_voxel`` (4, 4)."""
    volume = Volume.of(subject["density"]).average(BLOCKS)
    unit = float(volume.values.max()) / 255
    values = np.rint(volume.values / unit).astype(np.uint8)
    first, end = np.zeros(3, int), np.array(values.shape)
    for axis in range(3):
        filled = np.flatnonzero((values > AIR).any(tuple({0, 1, 2} - {axis})))
        first[axis], end[axis] = filled[0], filled[-1] + 1
    shift = np.eye(4)
    shift[:3, 3] = first
    box = tuple(slice(low, high) for low, high in zip(first, end, strict=True))
    return values[box], unit, volume.world_from_voxel @ shift


def outline(values: np.ndarray, unit: float, world_from_voxel: np.ndarray) -> dict[str, list[list[int]]]:
    """The body's shadow along two axes: view → points as they are drawn, to the right and down, mm."""
    body = ndimage.binary_opening(values * unit > MU_WATER / 2, iterations=3)
    labels, _ = ndimage.label(body)
    body = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    found = {}
    for name, along, (across, sign) in (("feet", 2, (0, -1)), ("left", 0, (2, 1))):
        shadow = np.pad(body.any(along).astype(float), _RIM)  # where the CT ends, so does the outline
        lines = contour_generator(z=ndimage.gaussian_filter(shadow, 1.5)).lines(0.5)
        columns, rows = max(lines, key=len)[::6].T - _RIM  # of the shadow: its second and its first axis
        voxel = np.zeros((len(rows), 3))
        first, second = [axis for axis in range(3) if axis != along]
        voxel[:, first], voxel[:, second] = rows, columns
        world = voxel @ world_from_voxel[:3, :3].T + world_from_voxel[:3, 3]
        found[name] = np.stack([sign * world[:, across], -world[:, 1]], 1).round().astype(int).tolist()
    return found


def six_numbers(world_from_camera: Tensor, sod: float) -> list[float]:
    """A pose as :data:`NAMES`: angles, the turn about the beam, and the isocentre's distances from the CT's middle."""
    angles = [angle.item() for angle in frames.carm_angles(world_from_camera)]
    x, y, z = (world_from_camera[:3, 3] + sod * world_from_camera[:3, 2]).tolist()
    return [round(number, 4) + 0.0 for number in (*angles, -x, y, z)]


def packed(values: np.ndarray) -> str:
    """Bytes, deflated, as base64."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values, np.uint8).tobytes(), 9)).decode()


def make_ct(subject: torchio.Subject) -> dict:
    """What ``ct.js`` holds. Bytes are differences to the slice below, which halves what is left after packing."""
    values, unit, world_from_voxel = small_ct(subject)
    slices = values.transpose(2, 1, 0)  # the first axis last: it runs fastest
    return {
        "credit": CREDIT,
        "shape": values.shape,
        "spacing": np.diag(world_from_voxel)[:3].tolist(),  # mm, signed: the voxels' axes are the world's
        "first": world_from_voxel[:3, 3].tolist(),  # centre of the first voxel, world mm
        "unit": unit,
        "outline": outline(values, unit, world_from_voxel),
        "packed": packed(np.diff(slices, axis=0, prepend=np.uint8(0))),
    }


def make_registration(subject: torchio.Subject) -> dict:
    """What ``registration.js`` holds."""
    xray, truth, landmarks = dicom.read_xray(data.EXAMPLE_XRAY), data.example_truth(), ct.landmarks(subject)
    sod = xray.world_from_camera[:3, 3].norm().item()
    small = xray.resize(PIXELS, PIXELS)
    observed = small.attenuation()
    observed = observed.where(collimator.open_field(observed), torch.nan)
    blue = plots.overlay(torch.zeros_like(observed), observed)[..., 2]
    found = register.refine(subject, xray, progress=False)
    poses = [pose for pose, accepted in zip(found.poses, found.trace.accepted, strict=True) if accepted]
    return {
        "sid": xray.camera.sid,
        "sod": round(sod, 6),
        "field": small.camera.shape[0] * small.camera.pixel_spacing[0],
        "names": NAMES,
        "start": dict(zip(NAMES, six_numbers(xray.world_from_camera, sod), strict=True)),
        "steps": [six_numbers(pose, sod) for pose in poses],
        "truth": truth[:3].tolist(),
        "landmarks": landmarks[["x", "y", "z"]].to_numpy().round(3).tolist(),
        # 0 is behind the collimator
        "packed": packed(np.where(torch.isfinite(observed), 1 + np.rint(254 * blue), 0)),
    }


def main(folder: Path = FOLDER) -> None:
    """Write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    subject = ct.example()
    for name, content in {"ct": make_ct(subject), "registration": make_registration(subject)}.items():
        text = f"diffposeCArm.arrived.{name}({json.dumps(content, separators=(',', ':'))});\n"
        (folder / f"{name}.js").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
