"""The march's way of getting through the volume: tiles of rays, neighbours read in pairs, samples outside, order.

The reference is the same march in double precision, or each ray alone.
"""

import numpy as np
import pytest
import torch
from phantoms import OBLIQUE, centred, exact_integral

from diffpose_nb.render import Volume, integrate

STEP = 2e-3
"""A step as a share of a ray's length."""


@pytest.fixture
def rays(rng):
    """150 rays (1, 150, 3) from around a volume of 80 x 90 x 90 mm through it, or past it."""
    far = torch.nn.functional.normalize(torch.randn(1, 150, 3, generator=rng).double(), dim=-1)
    beside = 60 * torch.randn(far.shape, generator=rng)
    return beside + 150 * far, beside - 150 * far


def bump(shape=(40, 36, 30)):
    """Smooth values that are not zero on the border, and different along every axis."""
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij"))
    return 0.2 + np.exp(grid[0] + 0.5 * grid[1] - 0.3 * grid[2] - (grid**2).sum(0))


def both(values, affine=OBLIQUE):
    """A volume in 16 bits, and the same numbers in double precision."""
    packed = Volume(values.astype(np.float32), affine).pack()
    exact = packed.values[1:-1, 1:-1, 1:-1] * packed.unit
    return packed, Volume(exact, affine).pack()


def assert_alike(found, expected, tolerance=1e-5):
    for ours, reference in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, reference, rtol=0, atol=tolerance * reference.abs().max().item())


def test_single_precision_is_the_double_one_rounded(rays):
    """Values and derivatives, where most of the volume is empty, and where its border is not."""
    full = bump()
    hollow = full.copy()
    hollow[4:-4, 4:-4, 4:-4] = 0
    corner = np.zeros_like(full)
    corner[:20, -18:, :15] = full[:20, -18:, :15]
    for values in (full, hollow, corner):
        single, double = both(values)
        reference = integrate(double, *rays, STEP)
        assert 10 < (reference[0] > 0.1).sum() < 140
        assert_alike(integrate(single, *rays, STEP), reference)


@pytest.mark.parametrize("number", [1, 63, 64, 65, 150])
def test_rays_of_a_tile_do_not_touch_each_other(rays, number):
    """Whole tiles, and one that is not full: each ray gives what it gives alone."""
    volume = both(bump())[1]
    some = [ends[:, :number] for ends in rays]
    alone = [integrate(volume, *(ends[:, n : n + 1] for ends in some), STEP)[0] for n in range(number)]
    # The first ray of an image always has the same offset; with a short step the others' offsets hardly matter.
    torch.testing.assert_close(integrate(volume, *some, STEP)[0], torch.cat(alone, 1), rtol=0.01, atol=0.3)


def test_images_of_a_batch_share_tiles_and_nothing_else(rays):
    single = both(bump())[0]
    batch = [ends.reshape(3, 50, 3) for ends in rays]
    together = integrate(single, *batch, STEP)
    for n in range(3):
        assert_alike([part[n : n + 1] for part in together], integrate(single, *(e[n : n + 1] for e in batch), STEP))


def test_the_order_of_visiting_changes_nothing(rays):
    """An image of 10 rows: the rays of a column march together, and each result is found at its pixel."""
    double = both(bump())[1]
    assert_alike(integrate(double, *rays, STEP, columns=15), integrate(double, *rays, STEP), 1e-10)
    with pytest.raises(ValueError, match="columns is 16"):
        integrate(double, *rays, STEP, columns=16)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("direction", [1, -1])
def test_rays_along_the_axes_on_faces_and_between_them(axis, direction):
    """From one side of the volume's border to the other: on it, in it, on a voxel's centre, between two."""
    values = np.random.default_rng(3).random((7, 6, 9)) + 1
    affine = centred([2.0, 3.0, 2.5], values.shape)
    spacing = np.diag(affine)[:3]
    half = spacing * np.array(values.shape) / 2 + spacing / 2  # to the border's centres, where the values end
    places = (-1.2, -1.0, -1 + 1e-7, -0.97, -0.5, 0.0, 0.013, 0.5, 0.97, 1 - 1e-7, 1.0, 1.2)
    others = [n for n in range(3) if n != axis]
    source = np.zeros((1, len(places) ** 2, 3))
    source[0][:, others] = [[x * half[others[0]], y * half[others[1]]] for x in places for y in places]
    target = source.copy()
    source[..., axis], target[..., axis] = -100 * direction, 100 * direction
    exact = torch.tensor([exact_integral(values, affine, *ends) for ends in zip(source[0], target[0], strict=True)])
    assert (exact > 1).any() and (exact == 0).any()
    for volume in both(values, affine):
        line, *derivatives = integrate(volume, torch.from_numpy(source), torch.from_numpy(target), 1e-4)
        torch.testing.assert_close(line[0], exact, rtol=0.01, atol=0.01)
        assert all(torch.isfinite(part).all() for part in derivatives)
        outside = (np.abs(source[0][:, others]) > half[others] * 1.1).any(1)
        assert not any(part[0, outside].any() for part in (line, *derivatives))


def test_rays_that_begin_or_end_inside(rays):
    """Beside others that pass through the whole volume, in the same tile."""
    single, double = both(bump())
    source, target = (ends.clone() for ends in rays)
    source[:, ::3] *= 0.1
    target[:, 1::3] *= 0.1
    source[:, ::7] *= 0.1
    reference = integrate(double, source, target, STEP)
    assert (reference[0] > 0.1).sum() > 20
    assert_alike(integrate(single, source, target, STEP), reference, 2e-5)
