import inspect
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torchio
from diffdrr.drr import DRR

from diffpose_nb import ct, simulate
from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, rigid_motion, to_diffdrr, transform_points
from diffpose_nb.images import Display
from diffpose_nb.render import Renderer
from diffpose_nb.simulate import FULL_SCALE, collimator, simulate_xray, trace
from diffpose_nb.simulate.physics import CORTICAL_BONE, SOFT_TISSUE, make_beam, mass_attenuation, tissue_densities

# Sheared, mirrored and anisotropic.
OBLIQUE = np.array([[2.0, 0.3, 0.1, -17.0], [0.2, -2.5, 0.4, 21.0], [0.0, 0.5, 3.1, -24.0], [0, 0, 0, 1]])
CAMERA = Camera(1000.0, (2.0, 1.5), (24, 28))
OFF = {
    "kvp": None, "scintillator": None, "supersampling": 1, "focal_spot": 0.0, "detector_blur": 0.0, "scatter": 0.0,
    "photons": None, "electronic_noise": 0.0, "collimation": None, "gain": 1.0,
}  # fmt: skip


def subject_of(hounsfield, affine=None):
    volume = torch.as_tensor(hounsfield, dtype=torch.float32)
    if affine is None:  # voxels of 5 mm around the origin
        affine = np.diag([5.0, 5.0, 5.0, 1.0])
        affine[:3, 3] = [-2.5 * (n - 1) for n in volume.shape]
    return torchio.Subject(volume=torchio.ScalarImage(tensor=volume[None], affine=affine))


def slab(thickness, hounsfield=0.0):
    """Tissue from front to back, wider than the field: every ray of a frontal view crosses all of it."""
    return subject_of(torch.full((60, round(thickness / 5), 60), float(hounsfield)))


def picture(subject, camera=CAMERA, primary=0.0, secondary=0.0, **options):
    return simulate_xray(subject, camera, primary, secondary, 700.0, **OFF | options).pixels.double()


@pytest.fixture
def random_ct():
    return np.random.default_rng(1).uniform(-1000, 2000, (9, 11, 8)).round()


# Geometry


def test_chords_of_a_ball():
    spacing, radius, centre = 1.0, 25.0, torch.tensor([6.0, -4.0, 5.0], dtype=torch.float64)
    affine = np.diag([-spacing, spacing, spacing, 1.0])
    affine[:3, 3] = [35.5, -35.5, -35.5]
    axes = [torch.arange(72) * affine[i, i] + affine[i, 3] for i in range(3)]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    share = ((radius - (grid - centre).norm(dim=-1)) / spacing + 0.5).clamp(0, 1)
    # on the line from air to adipose tissue, half the density is half the way
    areal = trace(subject_of(-1000 + 902 * share, affine), CAMERA, pose := carm_pose(35.0, -20.0, 700.0))[0]
    ray = torch.nn.functional.normalize(transform_points(pose, CAMERA.detector_points()) - pose[:3, 3], dim=1)
    offset = torch.linalg.cross(ray, (centre - pose[:3, 3]).expand_as(ray)).norm(dim=1).reshape(CAMERA.shape)
    chord = 2 * (radius**2 - offset**2).clamp(min=0).sqrt()
    found = torch.from_numpy(areal).double() / tissue_densities(np.array([-98.0]))[0, 0] * 10
    assert (chord > 0).sum() > 100
    assert (found[chord == 0] < 6).all()
    inner = offset < 0.9 * radius
    assert (found - chord)[inner].abs().max() < 0.7
    assert (found - chord)[inner].mean().abs() < 0.05


def test_agrees_with_diffdrr_siddon(random_ct):
    camera = Camera(1000.0, (2.0, 1.5), (24, 28), principal_point=(10.0, 13.5))
    affine = np.array([[-4.0, 0, 0, 15.0], [0, 3.0, 0, -17.0], [0, 0, 5.0, -18.0], [0, 0, 0, 1]])
    subject = subject_of(random_ct, affine)
    mu = np.stack([mass_attenuation(tissue, [60.0])[0] for tissue in (SOFT_TISSUE, CORTICAL_BONE)]) / 10
    density = torch.from_numpy(tissue_densities(random_ct.ravel()) @ mu).float().reshape(1, *random_ct.shape)
    for extra in (("mask", None), ("reorient", torch.eye(4)), ("orientation", None), ("fiducials", None)):
        subject[extra[0]] = extra[1]
    subject["density"] = torchio.ScalarImage(tensor=density, affine=affine)
    pose = rigid_motion([3.0, -5.0, 8.0], [4.0, 7.0, -3.0]) @ carm_pose(25.0, 15.0, 700.0)
    drr = DRR(subject, **camera.to_diffdrr(), renderer="siddon")
    with torch.no_grad():
        theirs = drr(to_diffdrr(pose[None]))[0, 0].double()
    motion = pose @ torch.linalg.inv(carm_pose(0.0, 0.0, 700.0))
    ours = -torch.log(picture(subject, camera, motion=motion))
    # DiffDRR computes in float32, and a ray through an edge may go either way
    difference = (ours - theirs).abs()
    assert theirs.max() > 0.3
    assert difference.median() < 1e-4
    assert torch.quantile(difference, 0.95) < 0.01
    assert (ours.flip(1) - theirs).abs().median() > 0.02  # the mirror would show


def test_all_off_is_the_line_integral_of_one_attenuation(random_ct):
    subject = subject_of(random_ct, OBLIQUE)
    soft, bone = trace(subject, CAMERA, carm_pose(10.0, 20.0, 700.0)).astype(float)
    expected = soft * mass_attenuation(SOFT_TISSUE, [60.0]) + bone * mass_attenuation(CORTICAL_BONE, [60.0])
    found = -torch.log(picture(subject, primary=10.0, secondary=20.0)).numpy()
    assert expected.max() > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-5)


def of_root_mean_square(difference, reference):
    return (difference.double().square().mean() / reference.double().square().mean()).sqrt().item()


def test_all_off_is_the_renderer_s_line_integral_of_a_smooth_volume():
    """Constant within voxels or interpolated between them: without noise to differ about, the same to a thousandth."""
    axes = [torch.linspace(-1, 1, n) * n for n in (60, 50, 40)]  # mm, voxels of 2 mm
    far = sum(((x - 5) / 15) ** 2 for x in torch.meshgrid(*axes, indexing="ij"))
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [-60, -50, -40]
    subject = subject_of(-1000 + 1800 * torch.exp(-far / 2), affine)
    density = ct.linear_attenuation(subject["volume"].data)
    subject["density"] = torchio.ScalarImage(tensor=density, affine=affine)
    pose = carm_pose(25.0, -15.0, 700.0)
    theirs = Renderer(subject, CAMERA)(pose)[0, 0]
    ours = -torch.log(simulate_xray(subject, CAMERA, 25.0, -15.0, 700.0, **simulate.OFF).pixels)
    assert theirs.max() > 1
    assert of_root_mean_square(ours - theirs, theirs) < 3e-3
    assert of_root_mean_square(ours.flip(1) - theirs, theirs) > 0.1  # the mirror would show


@pytest.mark.parametrize(("view", "shape"), [((0.0, 0.0), (64, 64)), ((-70.0, 20.0), (48, 64))])
def test_all_off_is_the_renderer_s_line_integral_of_a_ct(example, view, shape):
    """Between voxels of constant density and interpolated ones lies half a per cent, with DiffDRR's Siddon a tenth."""
    camera = Camera(1020.0, (4.8, 4.8), shape)
    ours = -torch.log(simulate_xray(example, camera, *view, 700.0, **simulate.OFF).pixels)
    pose = carm_pose(*view, 700.0)
    for method, agree in [("fused", 8e-3), ("siddon", 1.5e-3)]:
        theirs = Renderer(example, camera, method)(pose)[0, 0]
        assert of_root_mean_square(ours - theirs, theirs) < agree
        assert ((ours - theirs).mean() / theirs.mean()).abs() < 2e-3
    softer = -torch.log(simulate_xray(example, camera, *view, 700.0, **{**simulate.OFF, "energy": 60.0}).pixels)
    assert of_root_mean_square(softer - theirs, theirs) > 0.05  # at another energy it is another quantity


EFFECTS = {
    "tissues": True, "kvp": 80.0, "energy": 60.0, "scintillator": 0.6, "supersampling": 2, "focal_spot": 4.0,
    "detector_blur": 1.0, "scatter": 0.2, "photons": 1e5, "electronic_noise": 0.01, "collimation": "circle",
    "gain": None, "display": Display(), "foreign": (simulate.Ball((0.0, 0.0, 0.0), 5.0),),
    "mounted": (simulate.Ball((0.0, 0.0, 900.0), 5.0),),
}  # fmt: skip


def test_everything_that_can_be_on_can_be_off():
    keywords = {name for name, p in inspect.signature(simulate_xray).parameters.items() if p.kind is p.KEYWORD_ONLY}
    shapes_of_what_is_on = {"filtration", "scatter_spread", "field"}
    assert set(simulate.OFF) == set(EFFECTS) == keywords - shapes_of_what_is_on - {"motion", "seed"}
    assert list(OFF) == [name for name in simulate.OFF if name in OFF]
    assert dict(simulate.OFF) == {**simulate.OFF, **OFF}


@pytest.mark.parametrize("name", [name for name in EFFECTS if name != "scintillator"])
def test_each_effect_alone_changes_the_image(random_ct, name):
    subject = subject_of(random_ct)
    off = picture(subject, **simulate.OFF)
    assert (picture(subject, **{**simulate.OFF, name: EFFECTS[name]}) - off).abs().max() > 1e-3


def test_a_scintillator_does_nothing_to_photons_of_one_energy(random_ct):
    off = {**simulate.OFF, "kvp": 80.0}
    subject = subject_of(random_ct)
    assert (picture(subject, **{**off, "scintillator": 0.6}) - picture(subject, **off)).abs().max() > 1e-3
    one = picture(subject, **{**simulate.OFF, "scintillator": 0.6})
    torch.testing.assert_close(one, picture(subject, **simulate.OFF))


def test_padding_is_air_and_metal_is_dense():
    volume = np.zeros((6, 8, 7))
    values = []
    for hounsfield in (-1000, -3024, 3000, 12_000):
        volume[2:4, 3:5, 2:5] = hounsfield
        values.append(picture(subject_of(volume)).min().item())
    assert values[0] == values[1] > 0
    assert values[0] > values[2] > values[3]


def test_threads_may_call_at_once():
    subject = slab(100)
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda _: picture(subject), range(8)))
    assert all(torch.equal(image, images[0]) for image in images)


# Beam


def test_beam_hardens():
    thickness = np.array([20.0, 100.0, 200.0])
    for kvp, hardens in [(80.0, True), (None, False)]:
        line = np.array([-np.log(picture(slab(mm), kvp=kvp)[12, 14].item()) for mm in thickness])
        effective = line / thickness
        if hardens:
            assert (np.diff(effective) < -3e-4).all()
            assert 0.018 < effective[-1] < 0.026  # 1/mm: water at 45 to 70 keV
        else:
            np.testing.assert_allclose(effective, effective[0], rtol=1e-3)


def test_filter_hardens_the_beam():
    soft, hard = (picture(slab(100), kvp=80.0, filtration=mm)[12, 14] for mm in (1.5, 6.0))
    assert hard > 1.1 * soft


def test_bone_stands_out_more_at_lower_voltage():
    volume = torch.zeros(60, 30, 60)
    volume[:30, 14:16] = 1000.0  # x < 0
    contrast = {}
    for kvp in (60.0, 120.0):
        image = -torch.log(picture(subject_of(volume), kvp=kvp))
        plain, bone = image[12, 5], image[12, 22]  # the bone is on the patient's left, the image's right
        contrast[kvp] = ((bone - plain) / plain).item()
    assert contrast[60.0] > 1.25 * contrast[120.0] > 0


# Detector


@pytest.mark.parametrize("thickness", [0, 100])
def test_quantum_noise_has_the_variance_of_the_photons(thickness):
    camera = Camera(1000.0, (1.0, 1.0), (100, 100))
    subject = slab(thickness) if thickness else subject_of(torch.full((4, 4, 4), -1000.0))
    image = picture(subject, camera, photons=1000.0) / picture(subject, camera)
    expected = 1 / (1000 * picture(subject, camera).mean())  # one pixel is 1 mm²
    assert image.mean().item() == pytest.approx(1, abs=0.005)
    assert image.var().item() == pytest.approx(expected.item(), rel=0.06)


def test_polychromatic_noise_is_that_of_the_summed_energies():
    camera = Camera(1000.0, (1.0, 1.0), (150, 150))
    options = {"kvp": 80.0, "scintillator": 0.6}
    subject = slab(50)
    beam = make_beam(80.0, 3.0, 60.0, 0.6)
    clean, noisy = (picture(subject, camera, photons=p, **options) for p in (None, 2000.0))
    areal = trace(subject, camera, carm_pose(0.0, 0.0, 700.0))[0, 75, 75]
    passed = beam.weights * np.exp(-beam.soft * areal)
    expected = (passed * beam.quantum).sum() / passed.sum() ** 2 / (2000 * beam.efficiency)
    assert ((noisy - clean) / clean).var().item() == pytest.approx(expected, rel=0.04)


def test_seed_decides_the_noise():
    options = {"photons": 1e4, "electronic_noise": 1e-3}
    one, same, other = (picture(slab(50), seed=seed, **options) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(picture(slab(50), seed=1), picture(slab(50), seed=2))  # nothing random is left


def test_electronic_noise_is_in_digital_numbers():
    noise = picture(slab(100), gain=1e4, electronic_noise=3.0) - picture(slab(100), gain=1e4)
    assert noise.std().item() == pytest.approx(3.0, rel=0.1)


def edge_width(image):
    """Of a bright-to-dark edge along a row: standard deviation of its derivative, pixels."""
    slope = image[image.shape[0] // 2].diff().abs()
    at = torch.arange(len(slope), dtype=torch.float64)
    mean = (slope * at).sum() / slope.sum()
    return ((slope * (at - mean) ** 2).sum() / slope.sum()).sqrt().item()


@pytest.mark.parametrize(
    ("option", "sigma"), [({"focal_spot": 2.0}, 2.0 * 300 / 700 / 0.25), ({"detector_blur": 1.0}, 1.0 / 0.25)]
)
def test_blur_widens_an_edge_by_its_millimetres(option, sigma):
    camera = Camera(1000.0, (0.5, 0.25), (20, 120))
    volume = torch.full((60, 1, 60), -1000.0)
    volume[:30] = 1000.0
    subject = subject_of(volume)
    sharp, soft = edge_width(picture(subject, camera)), edge_width(picture(subject, camera, **option))
    assert np.sqrt(soft**2 - sharp**2) == pytest.approx(sigma, rel=0.05)


def test_detector_blur_smooths_the_noise_and_the_focal_spot_does_not():
    camera = Camera(1000.0, (1.0, 1.0), (60, 60))
    plain, spot, detector = (
        picture(slab(50), camera, photons=1e3, **blur).std()
        for blur in ({}, {"focal_spot": 2.0}, {"detector_blur": 1.0})
    )
    assert spot > 0.9 * plain
    assert detector < 0.4 * plain


def test_supersampling_averages_intensities(random_ct):
    subject = subject_of(random_ct, OBLIQUE)
    rows, columns = CAMERA.shape
    fine = picture(subject, CAMERA.resize(3 * rows, 3 * columns))
    mean = fine.reshape(rows, 3, columns, 3).mean((1, 3))
    torch.testing.assert_close(picture(subject, supersampling=3), mean, atol=1e-6, rtol=0)
    assert (picture(subject) - mean).abs().max() > 1e-3


def test_scatter_adds_its_share_and_none_in_air():
    camera = Camera(1000.0, (4.0, 4.0), (60, 60))
    volume = torch.full((60, 20, 60), -1000.0)
    volume[22:38, :, 22:38] = 0.0  # well inside the field: no scatter is lost
    subject = subject_of(volume)
    primary, with_scatter = picture(subject, camera), picture(subject, camera, scatter=0.5, scatter_spread=15.0)
    added = with_scatter - primary
    assert (added.sum() / primary.sum()).item() == pytest.approx(0.5, rel=0.02)
    assert added[30, 30] > 3 * added[30, 2]  # it comes from the patient, not from the open beam
    assert added.diff(dim=0).abs().max() < 0.2 * added.max()  # smooth, for all the edges in the primary image
    air = subject_of(torch.full((4, 4, 4), -1000.0))
    assert torch.equal(picture(air, camera, scatter=0.5), picture(air, camera))


@pytest.mark.parametrize("shape", ["octagon", "circle", "rectangle"])
def test_collimator_leaves_the_outside_dark(shape):
    camera = Camera(1000.0, (1.0, 2.0), (200, 150))
    window = torch.from_numpy(collimator(camera, shape, 0.8))
    open_beam, closed = picture(slab(100), camera), picture(slab(100), camera, collimation=shape, field=0.8)
    torch.testing.assert_close(closed, open_beam * window)
    assert (closed[:, :5] < 1e-6 * open_beam.max()).all()
    assert (closed[:5] < 1e-6 * open_beam.max()).all()
    torch.testing.assert_close(closed[90:110, 65:85], open_beam[90:110, 65:85])
    assert 0.1 < window[100, 1:].diff().abs().max() < 0.7  # soft, over a few mm
    area = {"octagon": 8 * np.tan(np.pi / 8) * 80**2, "circle": np.pi * 80**2, "rectangle": 160 * 240}[shape]
    assert window.sum().item() * 2.0 == pytest.approx(area, rel=0.01)

    scattered = picture(slab(100), camera, collimation=shape, field=0.8, scatter=0.2)
    outside = window < 1e-3
    assert scattered[outside].min() > 0
    assert scattered[outside].max() < 0.2 * scattered[100, 75]


def test_automatic_exposure_stays_within_14_bits():
    for thickness in (20, 250):
        image = simulate_xray(slab(thickness), CAMERA, 0.0, 0.0, 700.0).pixels
        assert image.min() >= 0
        assert 0.7 * FULL_SCALE < image.max() < FULL_SCALE
    assert picture(slab(20), gain=1e9).max() == FULL_SCALE


def test_display_values_replace_the_counts(random_ct):
    counts, shown = (
        simulate_xray(subject_of(random_ct), CAMERA, 0.0, 0.0, 700.0, display=display) for display in (None, Display())
    )
    assert (counts.relationship, shown.relationship) == ("LIN", "DISP")
    assert shown.sign == 1
    expected = Display()(counts.pixels.double().numpy(), CAMERA.pixel_spacing)
    assert (shown.pixels.double().numpy() == expected).mean() > 0.999  # float32 or float64 before rounding
    torch.testing.assert_close(shown.true_world_from_camera, counts.true_world_from_camera)


# Pose


def test_header_is_nominal_and_truth_has_the_motion(random_ct):
    motion = rigid_motion([2.0, -3.0, 4.0], [10.0, 5.0, -8.0])
    xray = simulate_xray(subject_of(random_ct), CAMERA, 20.0, 10.0, 700.0, motion=motion)
    torch.testing.assert_close(xray.world_from_camera, carm_pose(20.0, 10.0, 700.0))
    torch.testing.assert_close(xray.true_world_from_camera, motion @ carm_pose(20.0, 10.0, 700.0))
    assert xray.relationship == "LIN"
    assert xray.pixels.dtype == torch.float32
    assert any("simulated" in note for note in xray.notes)


def test_image_is_taken_from_the_true_pose(random_ct):
    subject = subject_of(random_ct)
    turned = picture(subject, primary=15.0, secondary=10.0, motion=rigid_motion([0.0, 0.0, 20.0], [0.0, 0.0, 0.0]))
    torch.testing.assert_close(turned, picture(subject, primary=35.0, secondary=10.0), atol=1e-6, rtol=0)
    assert (turned - picture(subject, primary=15.0, secondary=10.0)).abs().max() > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sod": 1000.0}, "sod is 1000.0"),
        ({"motion": torch.eye(3)}, r"motion has shape \(3, 3\)"),
        ({"kvp": 500.0}, "kvp is 500"),
        ({"kvp": None, "energy": 0.06}, "energy is 0.06"),
        ({"photons": 0.0}, "photons is 0"),
        ({"scatter": -0.1}, "scatter is -0.1"),
        ({"detector_blur": float("nan")}, "detector_blur is nan"),
        ({"supersampling": 0}, "supersampling is 0"),
        ({"collimation": "hexagon"}, "octagon, circle, rectangle or None"),
    ],
)
def test_bad_arguments_are_named(options, message):
    arguments = {"primary": 0.0, "secondary": 0.0, "sod": 700.0} | options
    with pytest.raises(ValueError, match=message):
        simulate_xray(slab(10), CAMERA, **arguments)


def test_a_ct_with_holes_is_refused():
    volume = torch.zeros(4, 4, 4)
    volume[1, 2, 3] = float("nan")
    with pytest.raises(ValueError, match="NaN or infinite"):
        simulate_xray(subject_of(volume), CAMERA, 0.0, 0.0, 700.0)
