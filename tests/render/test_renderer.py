"""What the call promises: batches, some pixels only, structures, coarse copies, devices, errors."""

import threading

import numpy as np
import pytest
import torch
from phantoms import OBLIQUE, ball, smooth, subject_of

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose
from diffpose_nb.render import Renderer, renderer

CAMERA = Camera(1000, (4, 3), (40, 50))
POSE = carm_pose(30, -20, 700)


@pytest.mark.parametrize("method", ["trilinear", "siddon"])
def test_diffdrr_sees_the_same(method, rng):
    """Left and right, up and down, anisotropic and oblique voxels: against the renderer that we did not write."""
    values = torch.nn.functional.interpolate(torch.rand(1, 1, 8, 7, 6, generator=rng), (40, 36, 30))[0, 0]
    affine = OBLIQUE.copy()
    affine[0, 1] = affine[1, 2] = 0  # DiffDRR's rays are fine with shear, its Siddon's rounding is not
    subject = subject_of(values, affine)
    kwargs = {"n_points": 2000} if method == "trilinear" else {}
    theirs = Renderer(subject, CAMERA, method, **kwargs)(POSE)[0, 0]
    ours = Renderer(subject, CAMERA, step=0.2)(POSE)[0, 0]
    interior = theirs > theirs.max() / 2  # at its border DiffDRR's trilinear falls to zero half a voxel further out
    relative = ((ours - theirs).abs() / theirs)[interior].mean().item()
    assert relative < (0.005 if method == "trilinear" else 0.03)
    assert ((ours.flip(1) - theirs).abs() / theirs)[interior].mean() > 0.05  # the mirror image is another picture


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


@pytest.mark.parametrize("method", ["fused", "trilinear", "siddon"])
def test_some_pixels_are_those_of_the_whole_picture(method, rng):
    options = {"step": 0.05} if method == "fused" else {}
    renderer = Renderer(smooth(), CAMERA, method, **options)
    poses = torch.stack([POSE, carm_pose(0, 0, 700)])
    whole = renderer(poses)
    pixels = torch.stack([torch.randint(n, (60,), generator=rng) for n in (50, 40)], -1)
    some = renderer(poses, pixels=pixels)
    assert some.shape == (2, 1, 60)
    torch.testing.assert_close(some, whole[..., pixels[:, 1], pixels[:, 0]], rtol=1e-3, atol=1e-3 * whole.max().item())


def test_pixels_need_not_be_whole(rng):
    renderer = Renderer(smooth(), CAMERA, step=0.05)
    between = renderer(POSE, pixels=torch.tensor([[24.5, 20.0]]))
    neighbours = renderer(POSE, pixels=torch.tensor([[24, 20], [25, 20]]))
    assert between.item() == pytest.approx(neighbours.mean().item(), rel=0.01)


@pytest.mark.parametrize("method", ["fused", "trilinear"])
def test_other_intrinsics_are_another_camera(method):
    """A longer focal length and a shifted principal point, against a renderer that was made with them."""
    other = Camera(1000, (3.5, 2.5), (40, 50), (20.0, 22.0))
    expected = Renderer(smooth(), other, method)(POSE)
    image = Renderer(smooth(), CAMERA, method)(POSE, intrinsics=other.K)
    torch.testing.assert_close(image, expected, rtol=1e-3, atol=1e-4 * expected.max().item())


@pytest.mark.parametrize("voxel", [None, 6.0])
def test_structures_are_channels_that_add_up(voxel, rng):
    """Labels scattered over the volume, so that no box is the whole."""
    values = torch.rand(40, 36, 30, generator=rng)
    blobs = torch.randint(0, 4, (1, 1, 5, 4, 3), generator=rng)
    labels = torch.nn.functional.interpolate(blobs.float(), (40, 36, 30)).to(torch.int16)[0, 0]
    labels[labels == 2] = 7
    subject = subject_of(values, OBLIQUE, labels)
    channels = Renderer(subject, CAMERA, structures=[0, 1, 3, 7], voxel=voxel)(POSE)[0]
    whole = Renderer(subject, CAMERA, voxel=voxel)(POSE)[0, 0]
    torch.testing.assert_close(channels.sum(0), whole, rtol=0, atol=1e-3 * whole.max().item())
    alone = subject_of(values * (labels == 7), OBLIQUE)
    expected = Renderer(alone, CAMERA, voxel=voxel)(POSE)[0, 0]
    torch.testing.assert_close(channels[3], expected, rtol=0, atol=1e-3 * whole.max().item())
    theirs = Renderer(subject, CAMERA, "trilinear", structures=[7, 1])(POSE)[0]  # by the nearest voxel's label
    assert torch.corrcoef(torch.stack([theirs[0].flatten(), channels[3].flatten()]))[0, 1] > 0.98
    assert torch.corrcoef(torch.stack([theirs[1].flatten(), channels[3].flatten()]))[0, 1] < 0.9


def test_structures_by_name(example):
    camera = Camera(1020, (4.0, 4.0), (64, 64))
    renderer = Renderer(example, camera, structures=["vertebrae_T8", "rib_left_6"])
    vertebra, rib = renderer(carm_pose(0, 0, 700))[0]
    columns = torch.arange(64.0)
    spine, ribs = ((image.sum(0) * columns).sum() / image.sum() for image in (vertebra, rib))
    assert ribs - spine > 8, "the patient's left is on the image's right"


def test_a_coarser_copy_is_nearly_the_same_picture(example):
    camera, pose = Camera(1020, (6.0, 6.0), (50, 50)), carm_pose(25, 10, 700)
    fine, coarse = (Renderer(example, camera, voxel=voxel)(pose) for voxel in (None, 3.0))
    body = fine > 0.5
    difference = ((coarse - fine).abs() / fine)[body].mean()
    assert 0 < difference < 0.05


def test_what_is_made_of_a_ct_is_kept_and_made_anew_when_the_ct_changes():
    subject = ball(4.0)
    first = Renderer(subject, CAMERA)
    assert Renderer(subject, CAMERA.resize(20, 25))._volumes[0] is first._volumes[0]
    subject["density"].data.mul_(2)
    torch.testing.assert_close(Renderer(subject, CAMERA)(POSE), 2 * first(POSE), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_devices(device):
    """Behind the same call; on a GPU it is DiffDRR's trilinear renderer that answers."""
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    subject, twist = smooth(), torch.zeros(3, dtype=torch.float64, requires_grad=True)
    expected = Renderer(subject, CAMERA, step=0.1)(POSE)
    move = torch.nn.functional.pad(twist[:, None], (3, 0, 0, 1))
    image = Renderer(subject, CAMERA, device=device)(POSE + move)
    assert image.device.type == device
    torch.testing.assert_close(image.detach().cpu(), expected, rtol=0.02, atol=0.01 * expected.max().item())
    image.mean().backward()
    assert torch.isfinite(twist.grad).all() and twist.grad.any()


def test_a_device_without_the_kernel_gets_diffdrr_s_trilinear(monkeypatch):
    """The choice itself, where there is no GPU: torch's device without data."""
    made = []
    monkeypatch.setattr(renderer, "make_drr", lambda *arguments: made.append(arguments[2:]))
    Renderer(ball(20.0), CAMERA, device="meta")
    assert made == [("trilinear", torch.device("meta"))]


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"method": "splat"}, "'fused', 'trilinear', 'siddon'"),
        ({"step": 0}, "step is 0"),
        ({"voxel": -1.0}, "voxel is -1.0"),
        ({"dtype": torch.float16}, "torch.float64"),
        ({"structures": [1]}, "this CT has none"),
    ],
)
def test_bad_arguments_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        Renderer(ball(20.0), CAMERA, **kwargs)


def test_a_structure_that_is_not_there_is_refused():
    subject = subject_of(torch.ones(4, 4, 4), np.eye(4), torch.ones(4, 4, 4, dtype=torch.int16))
    with pytest.raises(ValueError, match=r"structure 'heart' is not in the label map, which has \[1\]"):
        Renderer(subject, CAMERA, structures=["heart"])


def test_a_subject_turned_by_diffdrr_is_refused():
    subject = ball(20.0)
    subject["orientation"] = "AP"
    with pytest.raises(ValueError, match="orientation=None"):
        Renderer(subject, CAMERA, "siddon")


@pytest.mark.parametrize("method", ["fused", "trilinear", "siddon"])
def test_a_ray_begins_at_the_source_and_ends_at_the_pixel(method):
    """A slab that reaches through the detector counts up to it; one behind the source, or beyond the detector, not."""
    density = torch.full((1, 40, 40, 40), 0.01)
    affine = np.diag([5.0, 5, 5, 1])
    affine[:3, 3] = -97.5  # a cube of 200 mm about the origin
    subject = subject_of(density[0], affine)
    middle = {}
    for name, sid, pose in [
        ("whole", 1000.0, carm_pose(0, 0, 700)),
        ("detector in the middle", 700.0, carm_pose(0, 0, 700)),
        ("detector nearer", 500.0, carm_pose(0, 0, 700)),
        ("behind the source", 1000.0, carm_pose(0, 0, -700)),
    ]:
        camera = Camera(sid, (2.0, 2.0), (5, 5))
        kwargs = {"fused": {"step": 0.5}, "trilinear": {"n_points": 2000}, "siddon": {}}[method]
        middle[name] = Renderer(subject, camera, method, **kwargs)(torch.stack([pose, pose]))[0, 0, 2, 2].item()
    assert middle["whole"] == pytest.approx(2.0, rel=0.03)
    assert middle["detector in the middle"] == pytest.approx(1.0, rel=0.05)
    assert middle["detector nearer"] == middle["behind the source"] == 0
