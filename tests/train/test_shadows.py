import math

import pytest
import torch

from diffpose_nb.train.shadows import KINDS, MOST, Strokes, draw_background, draw_instruments

SHAPE = (64, 64)


def _stroke(corners, radius=0.1, peak=2.0, picture=0):
    return Strokes(torch.tensor([picture]), torch.tensor([corners]), torch.tensor([radius]), torch.tensor([peak]))


def test_a_rod_is_as_thick_as_its_chord():
    """A rod down the middle of the picture: the line integral is that of a circle's chord."""
    rod = _stroke([[-0.5, 0.0], [-0.2, 0.0], [0.1, 0.0], [0.5, 0.0]], radius=0.2)
    shadow = rod.shadow(3, SHAPE)
    assert shadow.shape == (3, 1, *SHAPE) and not shadow[1:].any(), "it is in one picture only"
    across = (2 * torch.arange(64) + 1) / 64 - 1
    expected = 2.0 * (1 - (across / 0.2).square()).clamp(min=0).sqrt()
    torch.testing.assert_close(shadow[0, 0, 32], expected)
    assert not shadow[0, 0, : int(64 * 0.14)].any() and not shadow[0, 0, -int(64 * 0.14) :].any()
    assert shadow[0, 0, 20].max() > 1.9


def test_a_bent_line_passes_its_corners_only():
    bent = _stroke([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, 0.5]], radius=0.08).shadow(1, SHAPE)[0, 0]
    for down, across, there in [(16, 16, True), (16, 32, True), (32, 48, True), (32, 32, False), (48, 16, False)]:
        assert bool(bent[down, across] > 0) == there, (down, across)


def test_a_line_whose_corners_are_one_point_is_a_disc():
    disc = _stroke([[0.25, -0.5]] * 4, radius=0.2).shadow(1, SHAPE)[0, 0]
    rows, columns = disc.nonzero().unbind(1)
    assert disc.gt(0).float().mean().item() == pytest.approx(math.pi * 0.2**2 / 4, rel=0.05)
    assert (rows.float().mean() + 0.5).item() == pytest.approx(32 * 1.25, abs=0.3)
    assert (columns.float().mean() + 0.5).item() == pytest.approx(32 * 0.5, abs=0.3)


def test_a_thin_wire_gets_fainter_instead_of_vanishing():
    sums = []
    for radius in (0.002, 0.004):
        wire = _stroke([[-0.9, -0.31], [-0.3, -0.1], [0.3, 0.11], [0.9, 0.32]], radius).shadow(1, SHAPE)
        assert (wire[0, 0, 8:-8].amax(1) > 0).all(), "there are no gaps"
        sums.append(wire.sum())
    assert (sums[1] / sums[0]).item() == pytest.approx(2, rel=1e-4)


def test_instruments_are_in_some_pictures():
    drawn = draw_instruments(400, 0.3, torch.Generator().manual_seed(0))
    having = len(set(drawn.picture.tolist())) / 400
    assert 0.2 < having < 0.4
    assert drawn.picture.bincount().max() <= 3 * MOST
    low = min(radius[0] for _, radius, _, _ in KINDS.values())
    assert (drawn.radius >= low).all() and (drawn.peak > 0).all()
    nothing = draw_instruments(5, 0.0, torch.Generator().manual_seed(0))
    assert not len(nothing.picture) and not nothing.shadow(5, SHAPE).any()


def test_drawing_depends_on_the_generator_and_applying_on_nothing():
    first, again, other = (draw_instruments(8, 1.0, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.shadow(8, SHAPE), other.shadow(8, SHAPE))
    assert torch.equal(first.shadow(8, SHAPE), first.shadow(8, SHAPE))
    backgrounds = [draw_background(8, 1.0, torch.Generator().manual_seed(seed)).shadow(SHAPE) for seed in (1, 1, 2)]
    assert torch.equal(*backgrounds[:2]) and not torch.equal(*backgrounds[1:])


def test_shadows_are_the_same_in_finer_pixels():
    """They are defined in shares of the picture, so a finer picture averages to the coarser one."""
    fine = draw_instruments(6, 1.0, torch.Generator().manual_seed(3))
    thick = fine._replace(radius=fine.radius.clamp(min=0.06))
    coarse, finer = thick.shadow(6, SHAPE), torch.nn.functional.avg_pool2d(thick.shadow(6, (256, 256)), 4)
    assert (coarse - finer).abs().mean() < 0.02 * coarse.max()
    background = draw_background(4, 1.0, torch.Generator().manual_seed(3))
    pair = background.shadow(SHAPE), torch.nn.functional.avg_pool2d(background.shadow((256, 256)), 4)
    assert torch.corrcoef(torch.stack([values.flatten() for values in pair]))[0, 1] > 0.995


def test_a_background_is_tissue_of_a_patients_thickness():
    background = draw_background(200, 0.5, torch.Generator().manual_seed(0))
    shadow = background.shadow(SHAPE)
    assert 0.4 < background.there.float().mean() < 0.6
    assert not shadow[~background.there].any() and (shadow[background.there].std((1, 2, 3)) > 0.1).all()
    mean = shadow[background.there].mean()
    assert 1.5 < mean < 6, "10 to 30 cm of water have line integrals of 2 to 6"
    assert (shadow > -1).all()
