"""Derivatives against differences of the integrals themselves.

What is known of them exactly, along the ray, is not left to the sum; so they are those of the integral rather than of
the sum, and agree with the sum's differences as the step goes to zero.
"""

import numpy as np
import pytest
import torch
from phantoms import smooth

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, exp_se3, rigid_motion, transform_points
from diffpose_nb.render import Renderer, Volume, integrate, line_integrals

POSE = carm_pose(20, 10, 700)
SMALL = 0.001  # mm
CLOSE = {"eps": 1e-5, "atol": 1e-4, "rtol": 1e-3}


def test_across_the_ray_the_sums_are_derivatives_of_the_sum(rng):
    """To the last digits, on random voxels and with steps of several of them: the samples' places are fixed."""
    volume = Volume(torch.rand(9, 8, 7, generator=rng).double().numpy(), np.eye(4)).pack()
    source = torch.tensor([-5.3, 3.1, -2.7]).double().expand(1, 40, 3)
    target = 2 + 6 * torch.rand(1, 40, 3, generator=rng).double() + torch.tensor([12.0, 0, 0])
    image, whole, weighted = integrate(volume, source, target, 0.03)
    assert (image > 1).sum() > 20
    ray, small = target - source, 1e-6
    for other in torch.eye(3).double():
        across = torch.nn.functional.normalize(torch.linalg.cross(ray, other.expand_as(ray)), dim=-1)
        for by_source, by_target, expected in [(0, 1, weighted), (1, 0, whole - weighted), (1, 1, whole)]:
            ahead, behind = (
                integrate(volume, source + by_source * step * across, target + by_target * step * across, 0.03)[0]
                for step in (small, -small)
            )
            torch.testing.assert_close((expected * across).sum(-1), (ahead - behind) / (2 * small), rtol=0, atol=1e-6)


@pytest.mark.parametrize("pixels", [None, torch.tensor([[2.0, 3.0], [0.5, 1.25], [6.0, 0.0]])])
def test_by_the_pose(pixels):
    renderer = Renderer(smooth(), Camera(1020, (30, 25), (6, 7)), step=SMALL, dtype=torch.float64)
    scale = torch.tensor([0.01, 0.01, 0.01, 1, 1, 1], dtype=torch.float64)
    twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: renderer(exp_se3(x * scale) @ POSE, pixels=pixels), (twist,), **CLOSE)


def test_by_the_intrinsics():
    """Focal lengths and principal point; K's other entries stay as they are."""
    camera = Camera(1020, (30, 25), (6, 7))
    renderer = Renderer(smooth(), camera, step=SMALL, dtype=torch.float64)
    where = torch.tensor([[1.0, 0, 1], [0, 1, 1], [0, 0, 0]]).double()
    assert torch.autograd.gradcheck(
        lambda x: renderer(POSE, intrinsics=camera.K + x * where),
        (torch.zeros(3, 3, dtype=torch.float64, requires_grad=True),),
        **CLOSE,
    )


def test_by_both_ends_of_a_ray():
    volume = Volume.of(smooth()["density"], torch.float64).pack()
    target = transform_points(POSE, Camera(1020, (30, 25), (3, 4)).detector_points())[None]
    source = POSE[:3, 3].expand_as(target).clone()
    assert torch.autograd.gradcheck(
        lambda s, q: line_integrals(volume, s, q, SMALL / 1020, 4),
        (source.requires_grad_(), target.requires_grad_()),
        **CLOSE,
    )


def test_the_two_sums_are_what_autograd_says():
    """G and K of :func:`integrate`, from which a registration makes its Jacobian."""
    volume = Volume.of(smooth()["density"], torch.float64).pack()
    target = transform_points(POSE, Camera(1020, (30, 25), (3, 4)).detector_points())[None].requires_grad_()
    source = POSE[:3, 3].expand_as(target).clone().requires_grad_()
    image, whole, weighted = integrate(volume, source.detach(), target.detach(), SMALL / 1020, columns=4)
    line_integrals(volume, source, target, SMALL / 1020, 4).sum().backward()
    ray = (target - source).detach()
    stretch = image[..., None] * ray / ray.square().sum(-1, keepdim=True)
    torch.testing.assert_close(target.grad, weighted + stretch)
    torch.testing.assert_close(source.grad, whole - weighted - stretch)


@pytest.mark.parametrize("angles", [(25, 10), (-60, -20)])
def test_on_the_ct_they_are_those_of_a_converged_integral(example, angles):
    """Each of the six components within 5 %, at default settings; the reference steps 0.1 mm and differences that.

    What is differentiated is the product with the image of another view.
    """
    camera, pose = Camera(1020, (2.0, 2.0), (128, 128)), carm_pose(*angles, 700)
    default, fine = Renderer(example, camera), Renderer(example, camera, step=0.1, dtype=torch.float64)
    weights = fine(rigid_motion([4, -3, 5], [10, -12, 8]) @ pose)
    weights = weights - weights.mean()
    twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    (default(exp_se3(twist) @ pose) * weights).sum().backward()
    scale = torch.tensor([1e-4] * 3 + [0.05] * 3, dtype=torch.float64)
    for axis, step in enumerate(torch.diag(scale)):
        ahead, behind = ((fine(exp_se3(sign * step) @ pose) * weights).sum() for sign in (1, -1))
        expected = ((ahead - behind) / (2 * scale[axis])).item()
        assert twist.grad[axis].item() == pytest.approx(expected, rel=0.05), f"component {axis}"
