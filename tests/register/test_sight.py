"""A CT that is not between source and detector is said in words, with the inverse where that is what was meant."""

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb import register
from diffpose_nb.camera import Camera, carm_pose, invert, rigid_motion
from diffpose_nb.images import XRay
from diffpose_nb.render import Renderer, out_of_sight

CAMERA = Camera(1020.0, (4.0, 4.0), (64, 64))


@pytest.fixture(scope="module")
def subject():
    rng = np.random.default_rng(0)
    density = torch.zeros(1, 40, 40, 40)
    for _ in range(12):
        i, j, k = rng.integers(4, 30, 3)
        density[0, i : i + 6, j : j + 5, k : k + 7] += 0.02
    affine = np.diag([3.0, 3, 3, 1])
    affine[:3, 3] = -58.5
    return torchio.Subject(density=torchio.ScalarImage(tensor=density, affine=affine), mask=None)


@pytest.fixture(scope="module")
def xray(subject):
    pose = carm_pose(20, 10, 700)
    return XRay(Renderer(subject, CAMERA)(pose)[0, 0], CAMERA, pose, relationship="LOG", sign=-1)


def refine(subject, xray, start):
    return register.refine(subject, xray, start, search=register.Strategy(restarts=0), progress=False)


def test_an_inverted_pose_is_recognised(subject):
    """Most inverses look past the patient, and then the inverse is suggested."""
    said = [out_of_sight(subject, CAMERA, invert(carm_pose(a, b, 700))) for a in (-60, 0, 30, 90) for b in (-20, 0, 20)]
    assert sum(problem is not None for problem in said) >= 9
    assert all("frames.invert" in problem for problem in said if problem is not None)


def test_a_pose_that_looks_away_is_refused(subject, xray):
    behind = carm_pose(20, 10, 700) @ rigid_motion([180, 0, 0], [0, 0, 0])
    with pytest.raises(ValueError, match="behind the source"):
        refine(subject, xray, behind)


def test_a_detector_nearer_than_the_patient_is_said(subject, xray):
    near = XRay(xray.pixels, Camera(500.0, (4.0, 4.0), (64, 64)), xray.world_from_camera, relationship="LOG", sign=-1)
    with pytest.raises(ValueError, match=r"detector \(500 mm from the source\) is nearer than the CT \(6"):
        refine(subject, near, None)


def test_a_ct_beside_the_field_is_said_at_the_end(subject, xray):
    found = refine(subject, xray, rigid_motion([0, 0, 0], [900, 0, 0]) @ xray.world_from_camera)
    assert found.confidence == 0 and "outside the X-ray's field" in found.reason


def test_nothing_is_said_of_a_pose_that_sees_the_ct(subject):
    rng = np.random.default_rng(1)
    for _ in range(40):
        pose = rigid_motion(rng.normal(0, 30, 3), rng.normal(0, 20, 3)) @ carm_pose(*rng.uniform(-60, 60, 2), 700)
        seen = Renderer(subject, CAMERA)(pose[None].expand(2, 4, 4)).any().item()
        assert (out_of_sight(subject, CAMERA, pose) is None) >= seen, "seen, and said not to be"


def test_structures_that_cast_no_shadow_are_said(subject, xray):
    labels = torch.zeros(1, 40, 40, 40, dtype=torch.int16)
    labels[:, :4, :4, :4] = 1
    labelled = torchio.Subject(**{**subject, "mask": torchio.LabelMap(tensor=labels, affine=subject.density.affine)})
    compare = register.Comparison(structures=[1], valid=torch.zeros(64, 64))
    with pytest.raises(ValueError, match="no pixel is left to compare"):
        register.refine(labelled, xray, compare=compare, progress=False)
    corner = torch.zeros(64, 64)
    corner[-14:, -14:] = 1
    with pytest.raises(ValueError, match="casts no shadow"):
        register.refine(
            labelled,
            xray,
            compare=register.Comparison(structures=[1], valid=corner),
            search=register.Strategy(stages=register.STAGES[1:2], restarts=0),
            progress=False,
        )


@pytest.mark.parametrize(
    "subject", [None, "ct.nii", torchio.Subject(volume=torchio.ScalarImage(tensor=torch.ones(1, 2, 2, 2)))]
)
def test_a_subject_without_density_is_refused(subject):
    for method in ("fused", "siddon"):
        with pytest.raises(ValueError, match="load_ct"):
            Renderer(subject, CAMERA, method)


def test_an_empty_picture_says_why(subject):
    behind = carm_pose(20, 10, 700) @ rigid_motion([180, 0, 0], [0, 0, 0])
    with pytest.warns(UserWarning, match="behind the source"):
        assert not Renderer(subject, CAMERA)(behind).any()
