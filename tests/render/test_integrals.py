"""Line integrals against closed forms."""

import numpy as np
import pytest
import torch
from phantoms import OBLIQUE, ball, centred, chord, exact_integral, subject_of

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, transform_points
from diffpose_nb.render import Renderer, Volume, integrate

CAMERA = Camera(1000, (4, 3), (40, 50))


@pytest.mark.parametrize("angles", [(0, 0), (35, 20), (-110, -30)])
def test_a_ball_s_shadow_is_its_chord(angles):
    pose = carm_pose(*angles, 700)
    image = Renderer(ball(1.0), CAMERA, step=0.5)(pose)[0, 0]
    expected = chord(CAMERA, pose)
    inner = expected > 30
    assert (image - expected)[inner].abs().max() < 0.5  # half a voxel
    assert (image - expected)[inner].mean().abs() < 0.05


def test_the_error_falls_with_the_voxels():
    pose = carm_pose(20, 10, 700)
    errors = [
        (Renderer(ball(spacing), CAMERA, step=spacing / 4)(pose)[0, 0] - chord(CAMERA, pose)).abs().mean()
        for spacing in (4.0, 2.0, 1.0)
    ]
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("tilt", [0.0, 25.0])
def test_a_slab_s_shadow_is_its_thickness_over_the_cosine(axis, tilt):
    """A box when straight. It is 12 voxels thick, and so wide that no ray of the picture sees its edges."""
    spacing = np.array([2.0, 1.5, 3.0])
    shape = np.full(3, 160)
    shape[axis] = 12
    turn = np.eye(4)
    angle = np.deg2rad(tilt)
    turn[:3, :3] = np.roll(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]], axis, (0, 1)
    )
    affine = turn @ centred(spacing, shape)
    camera = Camera(1000, (6, 5), (10, 8))
    pose = carm_pose(*[(90, 0), (0, 0), (0, 90)][axis], 700)  # the beam along that axis
    image = Renderer(subject_of(torch.ones(*shape), affine), camera, step=0.1)(pose)[0, 0]
    rays = transform_points(pose, camera.detector_points()) - pose[:3, 3]
    cosine = (rays @ torch.from_numpy(affine[:3, axis])).abs() / rays.norm(dim=1) / spacing[axis]
    expected = 12 * spacing[axis] / cosine.reshape(camera.shape)
    torch.testing.assert_close(image.double(), expected, rtol=2e-4, atol=0)


def test_the_error_falls_with_the_square_of_the_step(rng):
    """Against the integral of the interpolated volume itself, for random voxels on an oblique grid."""
    values = torch.rand(40, 36, 30, generator=rng)
    camera, pose = Camera(1000, (9, 9), (12, 12)), carm_pose(30, -20, 700)
    ends = transform_points(pose, camera.detector_points())
    exact = torch.tensor([exact_integral(values, OBLIQUE, pose[:3, 3], end) for end in ends.numpy()])
    steps = torch.tensor([2.0, 1.0, 0.5, 0.25])
    subject = subject_of(values, OBLIQUE)
    errors = torch.stack(
        [
            (Renderer(subject, camera, step=step.item(), dtype=torch.float64)(pose).flatten() - exact).square().mean()
            for step in steps
        ]
    ).sqrt()
    order = np.polyfit(steps.log(), errors.log(), 1)[0]
    assert 1.6 < order < 2.4
    assert errors[-1] < 2e-3 * exact.mean()


def test_sixteen_bits_are_enough(rng):
    values = torch.rand(40, 36, 30, generator=rng)
    subject, camera, pose = subject_of(values, OBLIQUE), Camera(1000, (4, 3), (40, 50)), carm_pose(30, -20, 700)
    images = [Renderer(subject, camera, dtype=dtype)(pose).double() for dtype in (torch.float32, torch.float64)]
    assert images[0].max() > 20
    torch.testing.assert_close(*images, rtol=0, atol=2e-4 * images[1].max().item())


def test_values_below_zero_and_an_empty_volume():
    pose = carm_pose(20, 10, 700)
    subject = ball(4.0)
    upside_down = subject_of(-subject["density"].data[0], subject["density"].affine)
    torch.testing.assert_close(Renderer(upside_down, CAMERA)(pose), -Renderer(subject, CAMERA)(pose))
    assert not Renderer(subject_of(torch.zeros(4, 5, 6), np.eye(4)), CAMERA)(pose).any()


def test_rays_that_miss_or_start_inside():
    volume = Volume(np.ones((5, 6, 7), np.float32), np.diag([2.0, 2, 2, 1])).pack()
    inside, outside = [5.0, 5, 6], [5.0, 5, 100]
    for source, target, expected in [
        ([5, 5, 50], [5, 50, 50], 0),  # beside
        ([-50, 50, 50], [50, 50, 50], 0),  # parallel to an axis, outside
        ([5, 5, -100], outside, 14),  # through, along an axis: seven voxels of 2 mm
        (inside, outside, 7),  # the source is in the middle of the volume
        (outside, inside, 7),  # the detector is
        ([5, 5, 5], [5, 5, 7], 2),  # both are
    ]:
        ends = [torch.tensor([[end]], dtype=torch.float64) for end in (source, target)]
        values, *derivatives = integrate(volume, *ends, 1e-4)
        assert values.item() == pytest.approx(expected, abs=0.01)
        assert all(torch.isfinite(d).all() for d in derivatives)


def test_rays_of_one_image_that_hit_and_miss_do_not_touch_each_other(rng):
    """They march side by side; each gives what it gives alone."""
    values = torch.rand(9, 8, 7, generator=rng).double().numpy()
    volume = Volume(values, centred([2.0, 3.0, 2.5], values.shape)).pack()
    source = 60 * torch.rand(1, 200, 3, generator=rng).double() - 30
    target = 200 * torch.rand(1, 200, 3, generator=rng).double() - 100
    together = integrate(volume, source, target, 1e-3)[0][0]
    exact = [
        exact_integral(values, centred([2.0, 3.0, 2.5], values.shape), s.numpy(), q.numpy())
        for s, q in zip(source[0], target[0], strict=True)
    ]
    assert 20 < (together == 0).sum() < 180
    torch.testing.assert_close(together, torch.tensor(exact), rtol=0.01, atol=0.02)


def test_one_voxel_casts_the_shadow_of_one_voxel():
    image = Renderer(subject_of(torch.ones(1, 1, 1), np.eye(4)), Camera(1000, (1, 1), (5, 5)), step=0.01)(
        carm_pose(0, 0, 700)
    )
    assert image[0, 0, 2, 2].item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("angles", [(25, 10), (0, 0), (90, 0), (-40, 25)])
def test_default_settings_are_accurate_on_the_ct(example, angles):
    camera, pose = Camera(1020, (5.0, 5.0), (50, 50)), carm_pose(*angles, 700)
    converged = Renderer(example, camera, step=0.05)(pose)
    body = converged > 0.2
    error = ((Renderer(example, camera)(pose) - converged).abs() / converged)[body].mean()
    assert error < 0.002
