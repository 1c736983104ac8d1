"""Scatter that lies over an X-ray like a veil, and how much of it is found and taken off."""

import numpy as np
import pytest
import torch

from diffpose_nb.register import Comparison, Strategy, refine
from diffpose_nb.register.pixels.scatter import Exposure, Veil, likeliest, offset_of
from diffpose_nb.study.kinds import make_case

SPACING = (4.0, 4.0)


@pytest.fixture(scope="module")
def thickness():
    """(80, 80) line integrals of a ball with a denser rod in it."""
    y, x = torch.meshgrid(*(torch.arange(80.0) - 40,) * 2, indexing="ij")
    return (9 - (x**2 + y**2) / 100).clamp(min=0).sqrt() + 1.0 * ((x - y).abs() < 2)


@pytest.fixture(scope="module")
def everywhere():
    return torch.ones(80, 80, dtype=torch.bool)


def veiled(thickness, everywhere, veil):
    """What a detector sees of it, from the veil's definition: born of the primary signal, not of the image."""
    from scipy import ndimage

    primary = (-thickness.double()).exp()
    born = (primary * thickness).numpy()
    scatter = veil.share * ndimage.gaussian_filter(born, veil.spread / SPACING[0], mode="constant")
    return -torch.log(primary + torch.from_numpy(scatter)).float()


def test_a_veil_that_is_known_is_taken_off(thickness, everywhere):
    veil = Veil(0.4, 40.0)
    seen = veiled(thickness, everywhere, veil)
    before, after = (image - thickness for image in (seen, veil.taken_off(Exposure(seen, everywhere, SPACING), 0.0)))
    assert before.std() > 0.1, "the veil is meant to be strong"
    assert after.std() < 0.1 * before.std()


def test_no_veil_changes_nothing(thickness, everywhere):
    torch.testing.assert_close(
        Veil().taken_off(Exposure(thickness, everywhere, SPACING), 0.0), thickness, rtol=0, atol=0
    )


def test_signal_stays_positive_however_strong_the_veil(thickness, everywhere):
    found = Veil(50.0, 20.0).taken_off(Exposure(thickness, everywhere, SPACING), 0.0)
    assert torch.isfinite(found).all() and (found - thickness <= 2.6).all(), "at least 0.08 of the signal is left"


def test_the_likeliest_veil_is_the_right_one(thickness, everywhere):
    """From a score that is highest where the image without the veil is the thickness."""
    veil = Veil(0.3, 45.0)
    seen = veiled(thickness, everywhere, veil)

    def score(guess):
        found = guess.taken_off(Exposure(seen, everywhere, SPACING), 0.0)
        return np.corrcoef(found.flatten(), thickness.flatten())[0, 1]

    found = likeliest(score)
    assert found.share == pytest.approx(veil.share, rel=0.1)
    assert found.spread == pytest.approx(veil.spread, rel=0.1)
    assert not found.differs(Veil(found.share * 1.01, found.spread)) and found.differs(Veil(0.15, found.spread))


def test_where_no_veil_helps_there_is_none():
    assert likeliest(lambda veil: -veil.share) == Veil()


def test_the_brightest_pixel_is_not_the_open_beam(thickness, everywhere):
    behind = thickness + 1.5  # the patient fills the field
    seen = 0.9 * behind
    assert offset_of(behind, seen - seen.min(), everywhere) == pytest.approx(seen.min().item(), abs=1e-3)


def test_scatter_makes_a_chest_seem_nearer_unless_it_is_taken_off():
    """Depths of four X-rays, whose scatter is a fifth of their signal, with and without."""
    along = {False: [], True: []}
    for number in range(4):
        case = make_case("whole chest", number, 2200)
        for scatter, errors in along.items():
            found = refine(
                case.subject,
                case.xray,
                compare=Comparison(scatter=scatter),
                search=Strategy(restarts=0),
                progress=False,
            )
            errors.append(case.error(found.world_from_camera)[2])
    assert np.mean(along[True]) < np.mean(along[False])
    assert max(along[True]) < 0.5
