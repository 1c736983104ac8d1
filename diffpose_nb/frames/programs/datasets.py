"""Poses of two public data sets, from the matrices in their files: DeepFluoro (made with xReg) and Ljubljana."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...camera import Camera, as_float64

_focal_tolerance = 1e-2
"""Largest relative difference between the focal lengths, in mm, of columns and rows of a flat detector."""
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
    """The camera and ``world_from_camera`` (4, 4) of an image of DeepFluoro or xReg.

    - Axes: right-handed; the camera looks along its -z axis. K has negative focal lengths, so that columns increase
      along +x and rows along +y. The image is therefore seen from the detector. Pixel centres are whole numbers.
    - Origin: the camera's origin is the X-ray source. The pelvis volume has LPS coordinates with the scanner's origin.
    - Maps: pixel ~ K · extrinsic · cam-to-pelvis-vol⁻¹ · point. This means that ``cam_to_pelvis`` leads to LPS from the
      frame to which the extrinsic matrix has *not yet* been applied.
    - Source: DeepFluoroLabeling-IPCAI2020 (Grupp et al. 2020), ``hdf5_layouts/Readme.md``, "Notes on Spatial
      Transforms"; xReg calls the camera ORIGIN_AT_FOCAL_PT_DET_NEG_Z.

    DiffPose 0.0.1 itself renders the same image shifted by half a pixel and half a voxel. Its ``x0`` and ``y0`` count
    from pixel edges, and its volume begins at the corner of the first voxel, whereas the file's origin is the centre of
    that voxel.

    Parameters
    ----------
    cam_to_pelvis
        (4, 4) matrix ``gt-poses/cam-to-pelvis-vol`` of the projection.
    intrinsic, extrinsic
        (3, 3) and (4, 4) matrices from ``proj-params``.
    pixel_spacing, shape
        (``pixel-row-spacing``, ``pixel-col-spacing``), mm, and (``num-rows``, ``num-cols``).
    world_from_lps
        (4, 4) inverse of the subject's ``lps_from_world``.
    rot_180_for_up
        The projection's ``rot-180-for-up``, if the image was rotated by 180° because of it. The result is then the view
        of the rotated image.
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
    """``cam-to-pelvis-vol`` (4, 4) of a pose; the inverse of :func:`from_deepfluoro`, with the same arguments."""
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

    - Axes: right-handed; the camera looks along its -z axis. The signs in K say in which directions columns and rows
      increase.
    - Origin: the camera's origin is the X-ray source. The volume has its own origin, in mm.
    - Maps: pixel ~ K · extrinsic · point. The extrinsic matrix maps the volume's millimetres to the camera.
    - Source: DiffPose 0.0.1, ``ljubljana.py``. The direction of view is the one along which that program renders.

    DiffPose 0.0.1 itself renders with another principal point: (c - 1/2, rows - 1/2 - r) in place of (c, r), because
    its ``y0`` has the wrong sign.

    Parameters
    ----------
    extrinsic, intrinsic
        Matrices from ``subjectNN/proj-ap`` or ``proj-lat``: (4, 4) or (3, 4), and (3, 3).
    pixel_spacing, shape
        (``row-spacing``, ``col-spacing``), mm, and (rows, columns) of ``pixels``.
    world_from_volume
        (4, 4) transform from the volume's millimetres to the world. The volume's origin is DiffPose's, the corner: see
        :func:`diffpose_volume`.
    """
    intrinsic = as_float64(intrinsic)
    world_from_theirs = as_float64(world_from_volume) @ torch.linalg.inv(_square(extrinsic))
    return _camera(intrinsic, pixel_spacing, shape), world_from_theirs @ _from_camera(intrinsic)


def to_ljubljana(world_from_camera: Tensor, intrinsic: Tensor, world_from_volume: Tensor) -> Tensor:
    """The extrinsic matrix (4, 4) of a pose; the inverse of :func:`from_ljubljana`, with the same arguments."""
    volume_from_camera = torch.linalg.solve(as_float64(world_from_volume), as_float64(world_from_camera))
    return _from_camera(as_float64(intrinsic)) @ torch.linalg.inv(volume_from_camera)


def _from_camera(intrinsic: Tensor) -> Tensor:
    """``theirs_from_camera`` (4, 4), which is its own inverse. Their camera looks along -Z and has this K.

    Our z is -Z. Rows increase along -sign(fy) Y, which is our y. Our x completes the right-handed frame.
    """
    sign = torch.sign(intrinsic[1, 1]).item()
    return torch.diag(torch.tensor([sign, -sign, -1.0, 1.0], dtype=torch.float64))


def _camera(intrinsic: Tensor, pixel_spacing: tuple[float, float], shape: tuple[int, int]) -> Camera:
    """The camera of a K whose focal lengths may have either sign; its axes are those of :func:`_from_camera`."""
    (row_spacing, column_spacing), (fx, fy) = pixel_spacing, intrinsic.diagonal()[:2].tolist()
    sids = abs(fx) * column_spacing, abs(fy) * row_spacing
    if abs(sids[0] - sids[1]) > _focal_tolerance * sids[0]:
        raise ValueError(
            f"K has focal lengths of {fx:g} and {fy:g} pixels, which with a pixel spacing of {tuple(pixel_spacing)} mm "
            f"(rows, columns) are source-to-detector distances of {sids[0]:g} and {sids[1]:g} mm: they should agree"
        )
    # From their axes to ours: z changes its sign, so that the matrix has to be divided by its last element.
    ours = intrinsic @ _from_camera(intrinsic)[:3, :3]
    return Camera.from_opencv(ours / ours[2, 2], shape[::-1], sum(sids) / 2)


def _square(extrinsic: Tensor) -> Tensor:
    last = torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    return torch.cat([as_float64(extrinsic)[:3], last])


def _rotate_180(camera: Camera, world_from_camera: Tensor) -> tuple[Camera, Tensor]:
    """The camera and the pose of the image that is rotated by 180° in its plane."""
    (rows, columns), (column, row) = camera.shape, camera.principal_point
    return replace(camera, principal_point=(columns - 1 - column, rows - 1 - row)), world_from_camera @ _turn_about_axis
