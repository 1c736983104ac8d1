"""The fused kernel in the place of DiffDRR's own renderers."""

import pytest
import torch
from diffdrr.drr import DRR
from phantoms import OBLIQUE, smooth, subject_of

from diffpose_nb.frames import carm_pose, exp_se3, to_diffdrr
from diffpose_nb.render import Fused


@pytest.fixture
def drr():
    return DRR(smooth(), sdd=1000, height=30, width=40, delx=5.0, dely=6.0, x0=7.0)


def picture(drr, **kwargs):
    """A picture of DiffDRR's, and the gradient of a weighted sum of it in the pose."""
    twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    image = drr(to_diffdrr(exp_se3(twist) @ carm_pose(30, -20, 700)), **kwargs)
    weights = torch.linspace(0, 1, image.shape[-1]) ** 2
    (image * weights).sum().backward()
    return image.detach(), twist.grad * torch.tensor([0.01] * 3 + [1.0] * 3)


def test_it_gives_what_trilinear_gives(drr):
    drr.renderer = Fused(3000)
    ours, our_gradient = picture(drr)
    drr.renderer = DRR(smooth(), 1000, 30, 5.0, renderer="trilinear").renderer
    theirs, their_gradient = picture(drr, n_points=1000)
    assert theirs.max() > 1
    torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.01 * theirs.max().item())
    torch.testing.assert_close(our_gradient, their_gradient, rtol=0.03, atol=0.02 * their_gradient.abs().max().item())


def test_channels(rng):
    labels = torch.zeros(40, 36, 30, dtype=torch.int16)
    labels[5:20, 8:20, 4:20], labels[22:30, 10:30, 5:25] = 1, 3  # no voxel has label 2
    subject = subject_of(smooth()["density"].data[0], OBLIQUE, labels)
    drr = DRR(subject, sdd=1000, height=30, delx=5.0, renderer="trilinear")
    pose = to_diffdrr(carm_pose(30, -20, 700))
    theirs = drr(pose, mask_to_channels=True, n_points=1000)
    whole = drr(pose, n_points=1000)
    drr.renderer = Fused(2000)
    ours = drr(pose, mask_to_channels=True)
    assert ours.shape == theirs.shape == (1, 4, 30, 30)
    torch.testing.assert_close(ours.sum(1), whole[:, 0], rtol=0.02, atol=0.01 * whole.max().item())
    for channel in (0, 1, 3):  # theirs cuts at the faces of voxels, ours fades between their centres
        assert torch.corrcoef(torch.stack([ours[0, channel].flatten(), theirs[0, channel].flatten()]))[0, 1] > 0.98
    assert not ours[0, 2].any()


def test_what_it_cannot_do_is_refused(drr):
    drr.renderer = Fused()
    drr.density.requires_grad_()
    with pytest.raises(ValueError, match="no gradient to the volume"):
        picture(drr)
    with pytest.raises(ValueError, match="n_points is 1"):
        Fused(1)
