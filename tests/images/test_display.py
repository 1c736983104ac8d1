import numpy as np
import pytest
import torch

from diffpose_nb import ct, dicom, evaluate, register
from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, rigid_motion
from diffpose_nb.images import Display, XRay, undo_display
from diffpose_nb.register import Strategy
from diffpose_nb.simulate import simulate_xray

SPACING = (0.5, 0.5)
PLAIN = Display(gains=(1, 1, 1, 1))


@pytest.fixture
def edge():
    """A signal of 1 above and 1/4 below a row."""
    return np.where(np.arange(160)[:, None] < 80, 1.0, 0.25) * np.ones((160, 160))


@pytest.fixture
def signal():
    return np.exp(np.random.default_rng(3).uniform(-5, 0, (120, 100)))


def xray_of(pixels, relationship="DISP"):
    return XRay(torch.from_numpy(pixels), Camera(1000.0, SPACING, pixels.shape), carm_pose(0, 0, 700), relationship)


def test_gains_of_one_enhance_nothing(signal):
    logarithm = -np.log(signal)
    np.testing.assert_allclose(PLAIN.enhance(logarithm, SPACING), logarithm)


def test_each_gain_takes_its_own_scale():
    """Waves of 2, 10 and 80 mm: the gain of one band changes one of them, and the others hardly."""
    across = np.arange(512)[None] * 0.5 * np.ones((512, 1))
    waves = {2.0: 0, 10.0: 1, 80.0: 3}
    for mm, band in waves.items():
        wave = np.sin(2 * np.pi * across / mm)
        for other in range(4):
            gains = [1.0] * 4
            gains[other] = 3.0
            middle = (slice(128, -128), slice(128, -128))
            grown = Display(gains=gains).enhance(wave, SPACING)[middle].std() / wave[middle].std()
            assert grown > 1.8 if other == band else abs(other - band) == 1 or grown < 1.2


def test_edges_overshoot_as_much_as_their_gain_says(edge):
    for gain in (1.0, 2.0, 3.0):
        sharp = Display(scales=[2.0], gains=[gain, 1.0]).enhance(-np.log(edge), SPACING)
        overshoot = (sharp.max() - np.log(4)) / np.log(4)
        assert overshoot == pytest.approx((gain - 1) / 2, abs=0.11)  # half a step lies above its blurred self


def test_scales_are_millimetres():
    image = np.zeros((81, 81))
    image[40, 40] = 1.0
    left = -Display(scales=[3.0], gains=[0.0, -1.0 + 2.0]).enhance(image, (1.0, 0.5))  # the blur alone
    rows, columns = (np.abs(left).sum(axis) for axis in (1, 0))
    at = np.arange(81) - 40
    assert np.sqrt(rows @ at**2 / rows.sum()) * 1.0 == pytest.approx(3.0, rel=0.02)
    assert np.sqrt(columns @ at**2 / columns.sum()) * 0.5 == pytest.approx(3.0, rel=0.02)


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_values_are_whole_and_fill_their_bits(signal, bits):
    values = Display(bits=bits)(signal, SPACING)
    np.testing.assert_array_equal(values, values.round())
    assert 0 <= values.min() < 0.2 * 2**bits
    assert 0.8 * 2**bits < values.max() <= 2**bits - 1


def test_more_beam_is_brighter_and_the_unit_does_not_matter(signal):
    values = PLAIN(signal, SPACING)
    order = signal.ravel().argsort()
    assert (np.diff(values.ravel()[order]) >= 0).all()
    assert values.std() > 500
    np.testing.assert_array_equal(PLAIN(1000 * signal, SPACING), values)
    holes = signal.copy()
    holes[:3] = 0.0  # nothing came through
    assert np.isfinite(PLAIN(holes, SPACING)).all()


def test_the_curve_is_taken_back_up_to_scale_and_offset(signal):
    logarithm = torch.from_numpy(np.log(signal)).flatten()
    shown = xray_of(PLAIN(signal, SPACING))
    undone = undo_display(shown, bits=12)
    assert undone.relationship == "LOG"
    assert any("sigmoid" in note for note in undone.notes) and not any("sigmoid" in note for note in shown.notes)

    def correlation(image):
        return torch.corrcoef(torch.stack([image.double().flatten(), logarithm]))[0, 1]

    assert correlation(undone.pixels) > 0.99999
    assert correlation(shown.pixels) < 0.998
    assert (undone.attenuation().flatten()[logarithm.argmin()] == undone.attenuation().max()).all()
    eight = xray_of(Display(bits=8, gains=(1, 1, 1, 1))(signal, SPACING))
    assert correlation(undo_display(eight, bits=8).pixels) > 0.9999
    assert correlation(undo_display(eight).pixels) > 0.97  # from its own extremes


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda: Display(bits=4), "bits is 4"),
        (lambda: Display(scales=(4.0, 1.0, 16.0)), "ascend"),
        (lambda: Display(gains=(1.0, 1.0)), "one more than the 3 scales"),
        (lambda: undo_display(xray_of(np.ones((4, 4)), "LIN")), "relationship is LIN"),
        (lambda: undo_display(xray_of(np.full((4, 4), 300.0)), bits=8), "300, and 8 bits"),
    ],
)
def test_what_makes_no_sense_is_refused(attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt()


def test_registers_from_a_display_image_in_a_file(example, tmp_path):
    """The header's pose is 24 mm off; what the display did leaves a fraction of a millimetre of it."""
    motion = rigid_motion([3, -3, 2], [12, -9, 15])
    camera = Camera(1020.0, (1.0, 1.0), (320, 320))
    taken = simulate_xray(example, camera, 15, 10, 700, motion=motion, seed=1, display=Display())
    dicom.write_xray(tmp_path / "shown.dcm", taken)
    read = dicom.read_xray(tmp_path / "shown.dcm")
    assert read.relationship == "DISP"
    assert torch.equal(read.pixels, taken.pixels)
    found = register.refine(
        example, undo_display(read, bits=12), search=Strategy(stages=register.STAGES[:3]), progress=False
    )
    landmarks = ct.landmarks(example)
    assert evaluate.mtre(read.world_from_camera, taken.true_world_from_camera, landmarks) > 15
    assert evaluate.mtre(found.world_from_camera, taken.true_world_from_camera, landmarks) < 1
