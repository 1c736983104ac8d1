"""What cannot be registered ends in a clear error or in a low confidence, never in a proud wrong pose."""

import copy

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb import ct, data, dicom, evaluate, register
from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, rigid_motion
from diffpose_nb.images import XRay
from diffpose_nb.register import Strategy
from diffpose_nb.simulate import simulate_xray
from diffpose_nb.study import CAMERA
from diffpose_nb.train import PoseRegressor

SMALL = Camera(1020, (1.94, 1.94), (160, 160))


@pytest.fixture(scope="module")
def xray(example):
    motion = rigid_motion([4, -3, 2], [12, -9, 15])
    return simulate_xray(example, SMALL, 10, 5, 700, motion=motion, seed=1, supersampling=1)


@pytest.fixture(scope="module")
def regressor():
    return PoseRegressor.load(data.EXAMPLE_REGRESSOR)


def _judged(subject, xray, start=None):
    found = register.refine(subject, xray, start, search=Strategy(restarts=1), progress=False)
    truth = xray.true_world_from_camera
    error = evaluate.mtre(found.world_from_camera, truth, _corners()).item()
    return found, error


def _corners():
    return 80.0 * torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3).double()


def test_a_ct_without_bone(example, xray):
    """As after a bad export that clips at water. What is left of the anatomy may do; if it does not, it says so."""
    soft = copy.copy(example)
    clipped = example["density"].data.clamp(max=ct.MU_WATER)
    soft["density"] = torchio.ScalarImage(tensor=clipped, affine=example["density"].affine)
    found, error = _judged(soft, xray)
    assert error < 2 or found.judgement != "found"


def _noise(seed=0):
    pixels = torch.randn(160, 160, generator=torch.Generator().manual_seed(seed)).add(20) * 50
    return XRay(pixels, SMALL, carm_pose(0, 0, 700), notes=[])


def _ramp():
    return XRay(torch.linspace(100, 4000, 160).expand(160, 160).contiguous(), SMALL, carm_pose(0, 0, 700), notes=[])


def _ball(example):
    """A water-filled balloon where the patient should be, with a tube's spectrum, scatter and noise."""
    volume = example["volume"]
    axes = [torch.linspace(-1, 1, 65)] * 3
    coarse = volume.affine @ np.diag([*((n - 1) / 64 for n in volume.spatial_shape), 1.0])
    inside = axes[0][:, None, None] ** 2 + axes[1][:, None] ** 2 + axes[2] ** 2 < 0.3
    hounsfield = torch.where(inside, 20.0, -1000.0)[None]
    phantom = copy.copy(example)
    phantom["volume"] = torchio.ScalarImage(tensor=hounsfield, affine=coarse)
    return simulate_xray(phantom, SMALL, 0, 0, 700, seed=2, supersampling=1)


@pytest.mark.parametrize("of", ["noise", "ramp", "ball"])
def test_an_xray_that_shows_nothing_of_the_ct(example, regressor, of):
    """From the header's pose and from what the network makes of it."""
    xray = {"noise": _noise, "ramp": _ramp, "ball": lambda: _ball(example)}[of]()
    for start in (None, regressor.predict(xray)):
        found = register.refine(example, xray, start, search=Strategy(restarts=0), progress=False)
        assert found.judgement == "lost"


def test_another_side_of_the_patient(example, regressor):
    """A network that has never seen a lateral X-ray says something frontal; refinement then says that it is lost."""
    lateral = simulate_xray(example, SMALL, 90, 0, 700, seed=3, supersampling=1)
    found, error = _judged(example, lateral, regressor.predict(lateral))
    assert error < 2 or found.judgement != "found"


def test_an_xray_that_it_knows(example, regressor):
    """The other tests would be passed by a confidence that is always low."""
    xray = dicom.read_xray(data.EXAMPLE_XRAY)
    assert xray.camera == CAMERA
    found = register.refine(example, xray, regressor.predict(xray), search=Strategy(restarts=0), progress=False)
    assert found.judgement == "found"
    assert evaluate.mtre(found.world_from_camera, data.example_truth(), _corners()).item() < 1
