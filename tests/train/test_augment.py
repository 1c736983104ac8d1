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


def test_what_is_for_partial_views_is_off_by_default():
    """So the pictures of a seed are those that the shipped network was trained on."""
    default = Augmentation()
    assert [getattr(default, name) for name in ("round_field", "instruments", "background", "continuation", "cut")] == [
        0
    ] * 5


def test_round_fields_only_take_pixels_away(pictures):
    images, valid = pictures[0].repeat(25, 1, 1, 1), pictures[1].repeat(25, 1, 1, 1)
    changed, seen = _changed((images, valid), round_field=0.5)
    torch.testing.assert_close(changed, images)
    has = ~seen.flatten(1).all(1)
    assert 0.3 < has.float().mean() < 0.7, "some are as they were"
    assert seen[:, 0, 26:38, 26:38].all() and not seen[has][:, 0, [0, 0, -1, -1], [0, -1, 0, -1]].any()
    widths, heights = (seen[has, 0].any(axis).sum(1) for axis in (1, 2))
    inner = (widths < 60) & (heights < 60)  # whole circles
    assert inner.any() and ((widths - heights)[inner].abs() <= 1).all(), "they are round"
    area = seen[has][inner].flatten(1).sum(1)
    torch.testing.assert_close(area / (torch.pi / 4 * widths[inner] ** 2), torch.ones(len(area)), atol=0.05, rtol=0)
    assert widths.min() >= 0.74 * 64
    twice = _changed((images, seen), seed=1, round_field=1.0)[1]
    assert not (twice & ~seen).any(), "what was hidden stays hidden"


def test_instruments_add_attenuation_where_they_are(pictures):
    images, valid = pictures[0].repeat(10, 1, 1, 1), pictures[1].repeat(10, 1, 1, 1)
    changed, seen = _changed((images, valid), instruments=0.5)
    assert torch.equal(seen, valid), "they are seen, not hidden"
    added = changed - images
    touched = (added > 1e-4).float().mean((1, 2, 3))
    assert (added > -1e-4).all() and (touched < 0.5).all()
    assert 0.2 < (touched > 0).float().mean() < 0.8
    other, _ = _changed((2 * images, valid), instruments=0.5)
    torch.testing.assert_close(other - 2 * images, added, atol=1e-5, rtol=0)


def test_backgrounds_surround_a_bone(pictures):
    bone = torch.zeros(20, 1, 64, 64)
    bone[:, :, 24:40, 24:40] = 1.5
    valid = torch.ones_like(bone, dtype=torch.bool)
    changed, seen = _changed((bone, valid), background=1.0)
    assert torch.equal(seen, valid)
    around = changed - bone
    assert (around.std((1, 2, 3)) > 0.1).all() and around.mean() > 1
    assert len({round(value, 4) for value in around.mean((1, 2, 3)).tolist()}) == 20, "each has its own"
    same, _ = _changed((torch.zeros_like(bone), valid), background=1.0)
    torch.testing.assert_close(same, around, atol=1e-5, rtol=0)


def test_all_of_it_stays_finite_under_scatter_and_noise(pictures):
    everything = Augmentation(round_field=1.0, instruments=1.0, background=1.0, photons=(1e3, 1e4))
    images, valid = everything(*pictures, torch.Generator().manual_seed(0))
    assert images.isfinite().all() and local_contrast(images, valid).isfinite().all()
    assert valid.flatten(1).any(1).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"instruments": 1.5}, "instruments is 1.5: a probability"), ({"cut": -1}, "cut is -1: it is a number of mm")],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**wrong)
