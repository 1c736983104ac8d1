import pytest
import torch

from diffpose_nb.images import local_contrast
from diffpose_nb.train import Augmentation


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    ramp = torch.linspace(1, 5, 64).expand(4, 1, 64, 64)
    return ramp + torch.rand(ramp.shape, generator=generator), torch.ones(4, 1, 64, 64, dtype=torch.bool)


def _changed(pictures, seed=0, **only):
    base = {field: getattr(Augmentation.none(), field) for field in Augmentation.__dataclass_fields__}
    return Augmentation(**base | only)(*pictures, torch.Generator().manual_seed(seed))


def test_none_changes_nothing(pictures):
    images, valid = _changed(pictures)
    torch.testing.assert_close(images, pictures[0])
    assert valid.all()


def test_everything_is_drawn_by_the_generator(pictures):
    first, again, other = (Augmentation()(*pictures, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert first[0].isfinite().all()
    assert len({image.mean().item() for image in first[0]}) == 4, "each picture has its own"


def test_scatter_flattens_what_is_dense(pictures):
    images, _ = _changed(pictures, scatter=(0.5, 0.5))
    less = pictures[0] - images
    assert (less > 0).all(), "scatter is signal, and signal is less attenuation"
    assert less[..., 56:].mean() > 1.5 * less[..., :8].mean()


def test_noise_is_that_of_the_counted_photons(pictures):
    flat = torch.full((4, 1, 64, 64), 2.0)
    images, _ = _changed((flat, pictures[1]), photons=(1e4, 1e4))
    assert images.std().item() == pytest.approx((1e4 * torch.tensor(-2.0).exp().item()) ** -0.5, rel=0.05)


def test_sharpness_has_two_directions(pictures):
    blurred, sharp = (_changed(pictures, sharpness=(v, v))[0] for v in (-1.0, 1.0))
    rough = [(x[..., 1:] - x[..., :-1]).square().mean() for x in (blurred, pictures[0], sharp)]
    assert rough[0] < rough[1] < rough[2]


def test_gamma_keeps_order_and_range(pictures):
    images, _ = _changed(pictures, gamma=(0.5, 0.5))
    assert torch.equal(images.flatten(1).argsort(), pictures[0].flatten(1).argsort())
    torch.testing.assert_close(images.amax((1, 2, 3)), pictures[0].amax((1, 2, 3)))
    assert images.mean() < pictures[0].mean()


def test_collimator_and_cutouts_take_pixels_away(pictures):
    _, field = _changed(pictures, field=(0.8, 0.8))
    assert 0.3 < field.float().mean() < 0.8
    assert field[:, 0, 28:36, 28:36].all() and not field[:, 0, 0, 0].any()
    _, cut = _changed(pictures, cutouts=3)
    assert 0.5 < cut.float().mean() < 1


def test_local_contrast_forgets_scale_offset_and_what_is_hidden(pictures):
    images, valid = pictures[0], pictures[1].clone()
    valid[..., :20] = False
    inputs = local_contrast(images, valid)
    assert not inputs[~valid].any()
    torch.testing.assert_close(inputs[valid].reshape(4, -1).mean(1), torch.zeros(4), atol=0.05, rtol=0)
    hidden = torch.where(valid, 3 * images + 7, torch.nan)
    torch.testing.assert_close(local_contrast(hidden, valid), inputs, atol=1e-4, rtol=1e-4)
    assert not local_contrast(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 8, 8, dtype=torch.bool)).abs().max() > 1e-3
