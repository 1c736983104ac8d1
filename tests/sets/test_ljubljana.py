"""The Ljubljana reader on a twin: cameras that differ from X-ray to X-ray, vessels in place, and errors."""

import h5py
import numpy as np
import pytest
import torch
from diffdrr.drr import DRR
from small_chest import make_chest

from diffpose_nb import frames, render, sets
from diffpose_nb.sets.angiograms import FILE, vessel_integrals


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    path = tmp_path_factory.mktemp("ljubljana") / FILE
    return sets.ljubljana_twin(path, subjects=2, binning=16, voxel=1.6, subject=make_chest(), progress=False)


@pytest.fixture
def copy(twin, tmp_path):
    path = tmp_path / FILE
    path.write_bytes(twin.read_bytes())
    with h5py.File(path, "r+") as file:
        del file.attrs["about"]
    return path


def _points(patient):
    return torch.tensor(patient.landmarks()[["x", "y", "z"]].to_numpy(copy=True))


def test_points_project_where_the_file_s_own_formula_says(twin):
    """pixel = K · extrinsic · x."""
    cameras = set()
    with h5py.File(twin) as file:
        for patient in sets.ljubljana(twin).patients:
            points = file[f"{patient.name}/points"][:].astype(float)
            for xray in patient.xrays:
                place = file[f"{patient.name}/proj-{xray.name}"]
                p = place["intrinsic"][:].astype(float) @ place["extrinsic"][:3].astype(float)
                homogeneous = np.c_[points, np.ones(len(points))] @ p.T
                camera = xray.read().camera
                found = camera.project(_points(patient), xray.standard.world_from_camera)
                np.testing.assert_allclose(found, homogeneous[:, :2] / homogeneous[:, 2:], atol=1e-3)
                cameras.add((round(camera.sid, 1), round(camera.principal_point[0], 1)))
    assert len(cameras) == 4  # each X-ray has its own


def test_through_diffdrr(twin):
    for patient in sets.ljubljana(twin).patients:
        subject, points = patient.subject(), _points(patient)
        for xray in patient.xrays:
            camera, pose = xray.read().camera, xray.standard.world_from_camera
            drr = DRR(subject, **camera.to_diffdrr()).double()
            theirs = drr.perspective_projection(frames.to_diffdrr(pose).to(torch.float64), points[None])[0] - 0.5
            torch.testing.assert_close(theirs, camera.project(points, pose), atol=2e-3, rtol=0)


def test_the_vessels_of_volume_and_x_ray_lie_on_each_other(twin):
    """Simulation knows the tubes and not the voxels: their pictures agree at the true pose and at no mirrored one."""
    for patient in sets.ljubljana(twin).patients:
        subject = patient.subject()
        for xray in patient.xrays:
            read = xray.read()
            drr = render.Renderer(subject, read.camera)(xray.standard.world_from_camera)[0, 0]
            shown = read.attenuation()

            def alike(image, other=shown):
                return torch.corrcoef(torch.stack([image.flatten(), other.flatten()]))[0, 1].item()

            assert alike(drr) > 0.6
            assert max(alike(drr.flip(0)), alike(drr.flip(1)), alike(drr.rot90(2))) < alike(drr) - 0.2


def test_only_vessels_are_left_of_the_volume(twin):
    patient = sets.ljubljana(twin).patients[0]
    hounsfield = patient.subject()["volume"].data
    assert 0 < (hounsfield > -1000).float().mean() < 0.05
    assert hounsfield[hounsfield > -1000].min() >= 0
    everything = sets.ljubljana(twin, threshold=0.0).patients[0].subject()["volume"].data
    assert (everything > -1000).float().mean() > 0.5
    assert any("have no unit" in note for note in patient.subject()["notes"])


def test_the_origin_of_the_volume_is_told(copy):
    """0: a corner, as DiffPose renders; otherwise the first voxel's centre. The points stay on the vessels."""
    patient = sets.ljubljana(copy).patients[0]
    assert "half a voxel" in patient.notes[0]
    with h5py.File(copy, "r+") as file:
        file["subject01/volume/origin"][:] = [10, 20, 30]
    moved = sets.ljubljana(copy).patients[0]
    assert "centre of its first voxel" in moved.notes[0]
    shift = (_points(moved) - _points(patient))[0]  # relative to the volume's middle; world axes are right, front, head
    np.testing.assert_allclose(shift, [10 - 0.8, 20 - 0.8, -30 + 0.8], atol=1e-4)


def test_line_integrals_of_a_subtracted_image():
    noise = np.random.default_rng(0).normal(0, 2, (64, 64))
    image = 1000 + noise
    image[20:24, :] *= np.exp(-0.5)
    found = vessel_integrals(image)
    assert found[20:24].mean().item() == pytest.approx(0.5, abs=0.01)
    assert found[30:].min() == 0 and found[30:].mean().item() < 0.005


def test_the_other_x_rays(twin):
    everything = sets.ljubljana(twin, views=("ap", "lat-max")).patients[0]
    assert [xray.name for xray in everything.xrays] == ["ap", "lat-max"]
    with pytest.raises(sets.SetError, match=r"frontal.*ap, lat, ap-max"):
        sets.ljubljana(twin, views=["frontal"])


def test_errors_in_words(copy, tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFPOSE_NB_DATA", str(tmp_path / "nothing"))
    with pytest.raises(sets.SetNotHereError, match=r"Put ljubljana\.h5 into"):
        sets.ljubljana()
    with h5py.File(copy, "r+") as file:
        del file["subject02/proj-lat/extrinsic"]
    with pytest.raises(sets.SetError, match="/subject02/proj-lat there is no 'extrinsic'"):
        sets.ljubljana(copy)
    with pytest.raises(sets.SetError, match=r"open it with sets\.ljubljana"):
        sets.deepfluoro(copy)
    copy.write_bytes(copy.read_bytes()[:5000])
    with pytest.raises(sets.SetError, match="cut short"):
        sets.ljubljana(copy)
