import pytest
import torch

from diffpose_nb import frames
from diffpose_nb.camera import Camera
from diffpose_nb.images import collimator
from diffpose_nb.simulate import collimator as transmission
from diffpose_nb.simulate import simulate_xray

CAMERA = Camera(1020, (1.0, 1.0), (320, 320))


def attenuation(example, shape, field, scatter, view):
    xray = simulate_xray(
        example,
        CAMERA,
        *view,
        700,
        motion=frames.rigid_motion([3, -4, 2], [8, 5, -12]),
        seed=3,
        collimation=shape,
        field=field,
        scatter=scatter,
        supersampling=1,
    )
    return xray.attenuation()


@pytest.mark.parametrize("scatter", [0.0, 0.3], ids=["black shadow", "scatter as bright as the spine"])
@pytest.mark.parametrize(("shape", "field"), [("octagon", 0.95), ("circle", 0.8), ("rectangle", 0.6)])
@pytest.mark.parametrize("view", [(20, 10), (90, 0)], ids=["oblique", "lateral"])
def test_the_shadow_is_left_out_and_the_patient_kept(example, shape, field, scatter, view):
    found = collimator.open_field(attenuation(example, shape, field, scatter, view))
    open_ = torch.from_numpy(transmission(CAMERA, shape, field) > 0.9)
    assert (found & ~open_).float().mean() < 0.004  # of the image
    assert (open_ & ~found).sum() < 0.06 * open_.sum()


@pytest.mark.parametrize("view", [(0, 0), (20, 10)])
def test_without_a_collimator_most_of_the_image_is_kept(example, view):
    found = collimator.open_field(attenuation(example, None, 1.0, 0.3, view))
    assert found.float().mean() > 0.85


@pytest.mark.parametrize("shape", [(150, 200), (24, 30), (900, 700)])
def test_an_image_without_edges_is_open(shape):
    smooth = torch.linspace(0, 3, shape[1]).expand(shape)
    assert collimator.open_field(smooth).all()


def test_the_edge_scales_with_the_image():
    """The same field in an image of four times as many pixels."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 640), torch.linspace(-1, 1, 640), indexing="ij")
    disc = torch.sigmoid(100 * (torch.hypot(x, y) - 0.7)) * 3 + x
    found = collimator.open_field(disc)
    coarse = collimator.open_field(disc.reshape(320, 2, 320, 2).mean((1, 3)))
    assert (found.reshape(320, 2, 320, 2).any(3).any(1) != coarse).float().mean() < 0.02
    assert not found[torch.hypot(x, y) > 0.72].any()
