"""A view in every convention at once: a dictionary of plain numbers, for JSON."""

from __future__ import annotations

from typing import Any

import torch
import torchio
from torch import Tensor

from ..camera import Camera, as_float64, carm_angles, invert
from ..frames import from_positions, to_diffdrr, to_nanodrr, to_opencv, to_positions
from ..frames.positions import Positions


def record_of(camera: Camera, world_from_camera: Tensor, subject: torchio.Subject) -> dict[str, Any]:
    """A view as numbers: in the world, in the patient coordinates of the CT's files (LPS), and as programs take it.

    Parameters
    ----------
    camera
        The camera. Pixels are those of the image that it belongs to.
    world_from_camera
        (4, 4).
    subject
        The CT, from :mod:`diffpose_nb.ct`.

    Returns
    -------
    dict
        ``camera`` (SID, spacing, shape, principal point, mirrored); ``world_from_camera`` and ``lps_from_camera``;
        ``lps`` (source, middle of the detector, directions of columns and rows, all in LPS mm); ``angles`` of the
        positioner, degrees; ``opencv`` (K, size, and the extrinsics from LPS); ``diffdrr`` and ``nanodrr`` (the
        arguments of their DRR, and the pose). nanodrr's pose is that for the CT's own file, which it does not centre.
    """
    pose = as_float64(world_from_camera).detach()
    lps_from_world = as_float64(subject["lps_from_world"])
    lps_from_camera = lps_from_world @ pose
    where = to_positions(camera, pose, lps_from_world)
    primary, secondary, turn = (float(angle) for angle in carm_angles(pose))
    rotation, translation = to_opencv(lps_from_camera)
    intrinsics, size = camera.to_opencv()
    # the world's origin lies at lps_from_world's translation; nanodrr counts in RAS
    centre = lps_from_world[:3, 3] * as_float64([-1.0, -1.0, 1.0])
    return {
        "camera": {
            "sid": camera.sid,
            "pixel_spacing": list(camera.pixel_spacing),
            "shape": list(camera.shape),
            "principal_point": list(camera.principal_point),
            "mirrored": camera.mirrored,
        },
        "world_from_camera": pose.tolist(),
        "lps_from_camera": lps_from_camera.tolist(),
        "lps": {
            "source": where.source.tolist(),
            "detector": where.center.tolist(),
            "columns": where.columns.tolist(),
            "rows": where.rows.tolist(),
        },
        "angles": {"primary": primary, "secondary": secondary, "turn": turn},
        "opencv": {
            "K": intrinsics.tolist(),
            "size": list(size),
            "camera_from_lps": invert(lps_from_camera).tolist(),
            "rvec": rotation.tolist(),
            "tvec": translation.tolist(),
        },
        "diffdrr": camera.to_diffdrr() | {"pose": to_diffdrr(pose).matrix[0].tolist()},
        "nanodrr": {
            name: value.tolist() if isinstance(value, Tensor) else value
            for name, value in (camera.to_nanodrr() | {"rt_inv": to_nanodrr(pose, centre)[0]}).items()
        },
    }


def read_record(record: dict[str, Any], subject: torchio.Subject | None = None) -> tuple[Camera, Tensor]:
    """The camera and ``world_from_camera`` (4, 4) of a record.

    Parameters
    ----------
    record
        As :func:`record_of` made it.
    subject
        The CT. If it is given, the pose is computed from the record's ``lps``. This is right for every file of the same
        scan, also if the CT was cropped or turned. None: the pose is the record's ``world_from_camera``.

    Raises
    ------
    ValueError
        Something is missing in the record.
    """
    try:
        numbers = record["camera"]
        camera = Camera(
            numbers["sid"],
            tuple(numbers["pixel_spacing"]),
            tuple(numbers["shape"]),
            tuple(numbers["principal_point"]),
            mirrored=numbers["mirrored"],
        )
        if subject is None:
            return camera, as_float64(record["world_from_camera"])
        where = Positions(*(as_float64(record["lps"][key]) for key in ("source", "detector", "columns", "rows")))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the record of a view lacks {error}, or it is no number") from error
    world_from_lps = torch.linalg.inv(as_float64(subject["lps_from_world"]))
    return from_positions(where, camera.pixel_spacing, camera.shape, world_from_lps)
