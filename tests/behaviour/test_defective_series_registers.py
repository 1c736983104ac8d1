"""A CT that comes as a series with defects, which is accepted, leads to the same pose as the whole one."""

import numpy as np
import pytest
import torch
from dicom_series import save, slice_dataset, write_scout
from scipy import ndimage

from diffpose_nb import ct, data, dicom, evaluate, register
from diffpose_nb.camera import transform_points
from diffpose_nb.render import Volume

SEARCH = register.Strategy(restarts=0)
NEAR = 0.2  # mm
FLIPS = np.diag([-1.0, -1, 1, 1])


@pytest.fixture(scope="module")
def whole(example):
    """The example CT in voxels of 1.4 × 1.4 × 2.5 mm, and where they are in the scanner's coordinates."""
    volume = Volume.of(example.volume).average((2, 2, 1))
    return volume.values, example.lps_from_world.numpy() @ volume.world_from_voxel


def write(folder, values, matrix, keep):
    folder.mkdir()
    for k in keep:
        save(slice_dataset(values, matrix, k, intercept=-2048), folder / f"{k:03}.dcm")
    return folder


def tilted(values, matrix, degrees):
    """The same anatomy on slices that are tilted about the first axis."""
    shear = np.eye(4)
    shear[1, 2] = np.tan(np.deg2rad(degrees)) * np.linalg.norm(matrix[:3, 2]) / np.linalg.norm(matrix[:3, 1])
    shear[1, 3] = -shear[1, 2] * (values.shape[2] - 1) / 2
    moved = ndimage.affine_transform(values, shear[:3, :3], shear[:3, 3], order=1, cval=-1000)
    return moved, matrix @ shear


@pytest.fixture(scope="module")
def registered(tmp_path_factory, whole, example):
    """Registers a series; gives the landmarks as the camera sees them, and the notes."""
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    landmarks = torch.from_numpy(ct.landmarks(example)[["x", "y", "z"]].to_numpy(copy=True))
    scanner = transform_points(example.lps_from_world, landmarks)

    def run(name, values, matrix, keep, scout=False):
        folder = write(tmp_path_factory.mktemp("series") / name, values, matrix, keep)
        if scout:
            write_scout(folder)
        subject = ct.load_ct(folder, progress=False)
        world_from_world = torch.linalg.inv(subject.lps_from_world) @ example.lps_from_world
        found = register.refine(subject, xray, world_from_world @ xray.world_from_camera, search=SEARCH, progress=False)
        lps_from_camera = subject.lps_from_world @ found.world_from_camera
        return transform_points(torch.linalg.inv(lps_from_camera), scanner), subject.notes, found

    return run


@pytest.fixture(scope="module")
def reference(registered, whole, example):
    points, _, found = registered("whole", *whole, range(whole[0].shape[2]))
    error = evaluate.mtre(found.world_from_camera, data.example_truth(), ct.landmarks(example))
    assert error < 1.0, "the whole series is registered"
    return points


@pytest.mark.parametrize("defect", ["one slice missing", "two distances", "a scout", "tilted by 12°"])
def test_a_defect_leads_to_the_same_pose(registered, reference, whole, defect):
    values, matrix = whole
    keep = list(range(values.shape[2]))
    if defect == "one slice missing":
        keep.remove(66)
    elif defect == "two distances":
        keep = [*keep[:80], *keep[80::2]]
    elif defect.startswith("tilted"):
        values, matrix = tilted(values, matrix, float(defect.split()[-1][:-1]))
    points, notes, _ = registered(defect.replace("°", ""), values, matrix, keep, scout=defect == "a scout")
    assert len(notes) >= 1, "said"
    off = (points - reference).norm(dim=1).mean().item()
    assert off < NEAR, f"{off:.3f} mm"
