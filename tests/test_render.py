import math
import threading

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, exp_se3, rigid_motion, transform_points
from diffpose_nb.render import Renderer, Volume, integrate

OBLIQUE = np.array([[2.0, 0.1, 0, -39], [0, -2.5, 0.2, 43], [0, 0, 3, -44], [0, 0, 0, 1]])


def subject_of(values, affine):
    image = torchio.ScalarImage(tensor=torch.as_tensor(values, dtype=torch.float32)[None], affine=affine)
    return torchio.Subject(
        volume=image, density=image, mask=None, orientation=None, reorient=torch.eye(4), fiducials=None
    )


def ball(spacing, radius=40.0, centre=(6.0, -4.0, 8.0), half_width=60.0):
    """A ball of density 1 on a grid around the origin, each voxel filled as far as the ball fills it."""
    n = int(2 * half_width / spacing)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = -spacing * (n - 1) / 2
    axes = torch.arange(n) * spacing + affine[0, 3]
    grid = torch.stack(torch.meshgrid(axes, axes, axes, indexing="ij"), -1)
    distance = (grid - torch.tensor(centre)).norm(dim=-1)
    return subject_of(((radius - distance) / spacing + 0.5).clamp(0, 1), affine)


def chord(camera, pose, radius=40.0, centre=(6.0, -4.0, 8.0)):
    source = pose[:3, 3]
    ray = torch.nn.functional.normalize(transform_points(pose, camera.detector_points()) - source, dim=1)
    to_centre = torch.tensor(centre, dtype=torch.float64) - source
    along = ray @ to_centre
    off_axis = to_centre.square().sum() - along.square()
    return 2 * (radius**2 - off_axis).clamp(min=0).sqrt().reshape(camera.shape)


@pytest.mark.parametrize("angles", [(0, 0), (35, 20), (-110, -30)])
def test_a_ball_s_shadow_is_its_chord(angles):
    camera, pose = Camera(1000, (4, 3), (40, 50)), carm_pose(*angles, 700)
    image = Renderer(ball(1.0), camera, step=0.5)(pose)[0, 0]
    expected = chord(camera, pose)
    inner = expected > 30
    assert (image - expected)[inner].abs().max() < 0.5  # half a voxel
    assert (image - expected)[inner].mean().abs() < 0.05


def test_the_error_falls_with_the_voxels():
    camera, pose = Camera(1000, (4, 3), (40, 50)), carm_pose(20, 10, 700)
    errors = [
        (Renderer(ball(spacing), camera, step=spacing / 4)(pose)[0, 0] - chord(camera, pose)).abs().mean()
        for spacing in (4.0, 2.0, 1.0)
    ]
    assert errors[1] < 0.6 * errors[0]
    assert errors[2] < 0.6 * errors[1]


@pytest.mark.parametrize("method", ["trilinear", "siddon"])
def test_diffdrr_sees_the_same(method, rng):
    """Left and right, up and down, anisotropic and oblique voxels: against the renderer that we did not write."""
    values = torch.nn.functional.interpolate(torch.rand(1, 1, 8, 7, 6, generator=rng), (40, 36, 30))[0, 0]
    affine = OBLIQUE.copy()
    affine[0, 1] = affine[1, 2] = 0  # DiffDRR's rays are fine with shear, its Siddon's rounding is not
    subject, camera, pose = subject_of(values, affine), Camera(1000, (4, 3), (40, 50)), carm_pose(30, -20, 700)
    kwargs = {"n_points": 2000} if method == "trilinear" else {}
    theirs = Renderer(subject, camera, method, **kwargs)(pose)[0, 0]
    ours = Renderer(subject, camera, step=0.2)(pose)[0, 0]
    interior = theirs > theirs.max() / 2  # at its border DiffDRR's trilinear falls to zero half a voxel further out
    relative = ((ours - theirs).abs() / theirs)[interior].mean().item()
    assert relative < (0.005 if method == "trilinear" else 0.03)
    assert ((ours.flip(1) - theirs).abs() / theirs)[interior].mean() > 0.05  # the mirror image is another picture


def test_rays_that_miss_or_start_inside():
    volume = Volume(np.ones((5, 6, 7), np.float32), np.diag([2.0, 2, 2, 1])).pad()
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


def test_one_voxel_casts_the_shadow_of_one_voxel():
    image = Renderer(subject_of(torch.ones(1, 1, 1), np.eye(4)), Camera(1000, (1, 1), (5, 5)), step=0.01)(
        carm_pose(0, 0, 700)
    )
    assert image[0, 0, 2, 2].item() == pytest.approx(1, abs=0.01)


@pytest.fixture
def smooth():
    grid = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, n) for n in (40, 36, 30)], indexing="ij"))
    values = (1 - grid.square().sum(0)).clamp(min=0) ** 3 * torch.exp(grid[0] + 0.5 * grid[1])
    return subject_of(values, OBLIQUE)


def test_pose_gradients_are_those_of_the_sum(smooth):
    renderer = Renderer(smooth, Camera(1020, (30, 25), (6, 7)), dtype=torch.float64)
    scale = torch.tensor([0.01, 0.01, 0.01, 1, 1, 1], dtype=torch.float64)
    twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: renderer(exp_se3(x * scale) @ carm_pose(20, 10, 700)), (twist,), eps=1e-6, atol=1e-6, rtol=1e-4
    )


def test_gradients_of_both_ray_ends(smooth):
    volume = Volume.of(smooth["density"], torch.float64).pad()
    from diffpose_nb.render import _LineIntegrals

    pose = carm_pose(20, 10, 700)
    target = transform_points(pose, Camera(1020, (30, 25), (3, 4)).detector_points())[None]
    source = pose[:3, 3].expand_as(target).clone()
    arguments = [source.requires_grad_(), target.requires_grad_()]
    assert torch.autograd.gradcheck(
        lambda s, t: _LineIntegrals.apply(s, t, volume, 1e-3, 4), arguments, eps=1e-5, atol=1e-5, rtol=1e-4
    )


def test_pose_gradients_on_the_ct_are_those_of_a_converged_integral(example):
    """Each of the six components within 5 %, at default settings; the reference steps 0.1 mm and differences that.

    What is differentiated is the product with the image of another view.
    """
    camera, pose = Camera(1020, (2.0, 2.0), (128, 128)), carm_pose(25, 10, 700)
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


def test_default_settings_are_accurate_on_the_ct(example):
    camera, pose = Camera(1020, (5.0, 5.0), (50, 50)), carm_pose(25, 10, 700)
    converged = Renderer(example, camera, step=0.05)(pose)
    body = converged > 0.2
    error = ((Renderer(example, camera)(pose) - converged).abs() / converged)[body].mean()
    assert error < 0.002


def test_batches_and_threads(example):
    camera = Camera(1020, (8.0, 8.0), (32, 24))
    renderer, poses = Renderer(example, camera), torch.stack([carm_pose(a, 0, 700) for a in (0, 20, 40)])
    batch = renderer(poses)
    assert batch.shape == (3, 1, 32, 24)
    assert batch.dtype == torch.float32
    results = {}
    threads = [threading.Thread(target=lambda n=n: results.update({n: renderer(poses[n])})) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in range(3):
        torch.testing.assert_close(results[n][0], batch[n])


def test_averaging_padding_and_smoothing_leave_the_mass_where_it_is(rng):
    def moments(v):
        voxels = np.stack(np.meshgrid(*map(np.arange, v.values.shape), indexing="ij"), -1).reshape(-1, 3)
        points = voxels @ v.world_from_voxel[:3, :3].T + v.world_from_voxel[:3, 3]
        mass = v.values.ravel() * abs(np.linalg.det(v.world_from_voxel[:3, :3]))
        return np.array([mass.sum(), *(mass[:, None] * points).sum(0) / mass.sum()])

    brick = Volume(np.ones((6, 9, 4), np.float32), OBLIQUE)
    for same in (brick.average((2, 3, 4)), brick.pad()):
        np.testing.assert_allclose(moments(same), moments(brick), rtol=1e-5)
    uneven = Volume(np.pad(torch.rand(5, 6, 7, generator=rng).numpy(), 12), OBLIQUE)
    np.testing.assert_allclose(moments(uneven.smooth(2.0)), moments(uneven), rtol=1e-4)
    remainder = Volume(np.ones((5, 1, 1), np.float32), np.eye(4)).average((2, 1, 1))
    np.testing.assert_allclose(remainder.values.ravel(), [1, 1, 0.5])  # half of the last block is beyond the volume


def test_smoothing_is_in_millimetres():
    values = np.zeros((41, 41, 41), np.float32)
    values[20, 20, 20] = 1
    blurred = Volume(values, np.diag([1.0, 1, 2, 1])).smooth(3.0).values
    for axis, spacing in [(0, 1.0), (2, 2.0)]:
        profile = blurred.sum(tuple({0, 1, 2} - {axis}))
        place = (np.arange(41) - 20) * spacing
        assert math.sqrt((profile * place**2).sum() / profile.sum()) == pytest.approx(3, rel=0.03)


@pytest.mark.parametrize(
    ("kwargs", "message"), [({"method": "splat"}, "'fused', 'trilinear', 'siddon'"), ({"step": 0}, "step is 0")]
)
def test_bad_arguments_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        Renderer(ball(20.0), Camera(1000, (1, 1), (5, 5)), **kwargs)


def test_a_subject_turned_by_diffdrr_is_refused():
    subject = ball(20.0)
    subject["orientation"] = "AP"
    with pytest.raises(ValueError, match="orientation=None"):
        Renderer(subject, Camera(1000, (1, 1), (5, 5)), "siddon")
