"""Two public data sets, by the matrices in their files: DeepFluoro (and xReg, which made it) and Ljubljana."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...camera import Camera, as_float64

_focal_tolerance = 1e-2
"""How far apart the focal lengths in mm of columns and rows may be, relatively, for a flat detector."""
_turn_about_axis = torch.diag(torch.tensor([-1.0, -1.0, 1.0, 1.0], dtype=torch.float64))


def from_deepfluoro(
    cam_to_pelvis: Tensor,
    intrinsic: Tensor,
    extrinsic: Tensor,
    pixel_spacing: tuple[float, float],
    shape: tuple[int, int],
    world_from_lps: Tensor,
    rot_180_for_up: bool = False,
) -> tuple[Camera, Tensor]:
    """The camera and ``world_from_camera`` (4, 4) of an image of DeepFluoro, and of xReg.

    - Axes: right-handed, the camera looks along its -z; K has negative focal lengths, so that columns increase along +x
      and rows along +y: the image is seen from the detector. Pixel centres are whole numbers.
    - Origin: the X-ray source, of the camera; the scanner's, of the pelvis volume, whose coordinates are LPS.
    - Maps: pixel ~ K · extrinsic · cam-to-pelvis-vol⁻¹ · point; that is, ``cam_to_pelvis`` leads from the frame
      *before* the extrinsic matrix to LPS.
    - Source: DeepFluoroLabeling-IPCAI2020 (Grupp et al. 2020), ``hdf5_layouts/Readme.md``, "Notes on Spatial
      Transforms"; xReg calls the camera ORIGIN_AT_FOCAL_PT_DET_NEG_Z.

    DiffPose 0.0.1 itself renders the same image half a pixel and half a voxel away: its x0, y0 count from pixel edges,
    and its volume begins with the corner of the first voxel, whose centre the file's origin is.

    Parameters
    ----------
    cam_to_pelvis
        (4, 4) ``gt-poses/cam-to-pelvis-vol`` of the projection.
    intrinsic, extrinsic
        (3, 3) and (4, 4) of ``proj-params``.
    pixel_spacing, shape
        (``pixel-row-spacing``, ``pixel-col-spacing``), mm, and (``num-rows``, ``num-cols``).
    world_from_lps
        (4, 4), the inverse of the subject's ``lps_from_world``.
    rot_180_for_up
        The projection's ``rot-180-for-up``, if the image was rotated by 180° for it.
    """
    world_from_xreg = as_float64(world_from_lps) @ as_float64(cam_to_pelvis) @ torch.linalg.inv(as_float64(extrinsic))
    camera = _camera(as_float64(intrinsic), pixel_spacing, shape)
    pose = world_from_xreg @ _from_camera(as_float64(intrinsic))
    return _rotate_180(camera, pose) if rot_180_for_up else (camera, pose)


def to_deepfluoro(
    world_from_camera: Tensor,
    intrinsic: Tensor,
    extrinsic: Tensor,
    world_from_lps: Tensor,
    rot_180_for_up: bool = False,
) -> Tensor:
    """``cam-to-pelvis-vol`` (4, 4) of a pose; the inverse of :func:`from_deepfluoro`, with its arguments."""
    pose = as_float64(world_from_camera)
    if rot_180_for_up:
        pose = pose @ _turn_about_axis
    lps_from_xreg = torch.linalg.inv(as_float64(world_from_lps)) @ pose @ _from_camera(as_float64(intrinsic))
    return lps_from_xreg @ as_float64(extrinsic)


def from_ljubljana(
    extrinsic: Tensor,
    intrinsic: Tensor,
    pixel_spacing: tuple[float, float],
    shape: tuple[int, int],
    world_from_volume: Tensor,
) -> tuple[Camera, Tensor]:
    """The camera and ``world_from_camera`` (4, 4) of an image of the Ljubljana data set, in DiffPose's HDF5 file.

    - Axes: right-handed, the camera looks along its -z; the signs of K say where columns and rows go.
    - Origin: the X-ray source, of the camera; the volume's own, in mm.
    - Maps: pixel ~ K · extrinsic · point, from the volume's millimetres to the camera.
    - Source: DiffPose 0.0.1, ``ljubljana.py``; the direction of view is the one it renders along.

    DiffPose 0.0.1 itself renders with another principal point (c, r): at (c - 1/2, rows - 1/2 - r), because its y0 has
    the wrong sign.

    Parameters
    ----------
    extrinsic, intrinsic
        (4, 4) or (3, 4), and (3, 3), of ``subjectNN/proj-ap`` or ``proj-lat``.
    pixel_spacing, shape
        (``row-spacing``, ``col-spacing``), mm, and (rows, columns) of ``pixels``.
    world_from_volume
        (4, 4) the volume's millimetres to the world, at DiffPose's origin, the corner: see :func:`diffpose_volume`.
    """
    intrinsic = as_float64(intrinsic)
    world_from_theirs = as_float64(world_from_volume) @ torch.linalg.inv(_square(extrinsic))
    return _camera(intrinsic, pixel_spacing, shape), world_from_theirs @ _from_camera(intrinsic)


def to_ljubljana(world_from_camera: Tensor, intrinsic: Tensor, world_from_volume: Tensor) -> Tensor:
    """The extrinsic matrix (4, 4) of a pose; the inverse of :func:`from_ljubljana`, with its arguments."""
    volume_from_camera = torch.linalg.solve(as_float64(world_from_volume), as_float64(world_from_camera))
    return _from_camera(as_float64(intrinsic)) @ torch.linalg.inv(volume_from_camera)


def _from_camera(intrinsic: Tensor) -> Tensor:
    """``theirs_from_camera``, and its own inverse: of a camera that looks along -z and whose K has these signs.

    With z = -Z, rows grow along -sign(fy) Y, which is our y; x completes the right-handed frame.
    """
    sign = torch.sign(intrinsic[1, 1]).item()
    return torch.diag(torch.tensor([sign, -sign, -1.0, 1.0], dtype=torch.float64))


def _camera(intrinsic: Tensor, pixel_spacing: tuple[float, float], shape: tuple[int, int]) -> Camera:
    """The camera of a K whose focal lengths may have either sign, for :func:`_from_camera`."""
    (row_spacing, column_spacing), (fx, fy) = pixel_spacing, intrinsic.diagonal()[:2].tolist()
    sids = abs(fx) * column_spacing, abs(fy) * row_spacing
    if abs(sids[0] - sids[1]) > _focal_tolerance * sids[0]:
        raise ValueError(
            f"K has focal lengths of {fx:g} and {fy:g} pixels, which with a pixel spacing of {tuple(pixel_spacing)} mm "
            f"(rows, columns) are source-to-detector distances of {sids[0]:g} and {sids[1]:g} mm: they should agree"
        )
    # theirs to ours, a turn about the image's axes that changes the sign of z, and with it of both focal lengths
    ours = intrinsic @ _from_camera(intrinsic)[:3, :3]
    return Camera.from_opencv(ours / ours[2, 2], shape[::-1], sum(sids) / 2)


def _square(extrinsic: Tensor) -> Tensor:
    last = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    return torch.cat([as_float64(extrinsic)[:3], last])


def _rotate_180(camera: Camera, world_from_camera: Tensor) -> tuple[Camera, Tensor]:
    """The view of the image rotated by 180° in its plane."""
    (rows, columns), (column, row) = camera.shape, camera.principal_point
    return replace(camera, principal_point=(columns - 1 - column, rows - 1 - row)), world_from_camera @ _turn_about_axis
