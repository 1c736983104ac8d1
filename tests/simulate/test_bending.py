"""The bent trunk: its points by closed form, its voxels by its points, and what a vertebra does."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
import torchio

from diffpose_nb import ct
from diffpose_nb.camera import Camera, carm_pose, invert, transform_points
from diffpose_nb.simulate import OFF, Bend, bend, simulate_xray

ABOUT = (3.0, -5.0, 4.0)
SHAPE = (30, 26, 40)
MARK = (10, 9, 33)
AFFINE = np.array([[-3.0, 0, 0, 43.5], [0, 3.0, 0, -37.5], [0, 0, 3.0, -58.5], [0, 0, 0, 1]])


def points(number=200, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).uniform(-100, 100, (number, 3)))


def phantom(affine=AFFINE):
    """Smooth tissue in air, with a dense ball that is off every axis, and a vertebra at the height of the origin."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), -1)
    hounsfield = np.full(SHAPE, -1000.0)
    hounsfield[3:-3, 3:-3, 3:-3] = 0.0
    hounsfield += 2500 * np.exp(-(((index - MARK) / 1.6) ** 2).sum(-1))
    mask = np.zeros(SHAPE, np.uint8)
    mask[8:13, 7:12, 31:36] = 2
    mask[12:19, 9:15, 17:23] = 5
    values = torch.from_numpy(hounsfield).float()[None]
    return torchio.Subject(
        volume=torchio.ScalarImage(tensor=values, affine=affine),
        density=torchio.ScalarImage(tensor=ct.linear_attenuation(values), affine=affine),
        mask=torchio.LabelMap(tensor=torch.from_numpy(mask)[None], affine=affine),
        structures=pd.DataFrame([(2, "heart"), (5, "vertebrae_T9")], columns=["id", "structure"]),
        lps_from_world=torch.eye(4, dtype=torch.float64),
        notes=["A note."],
    )


def centre_of_the_ball(subject):
    image = subject["volume"]
    weight = (image.data[0].numpy().astype(float) - 500).clip(min=0)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in weight.shape), indexing="ij"), -1)
    middle = (weight[..., None] * index).sum((0, 1, 2)) / weight.sum()
    return image.affine[:3, :3] @ middle + image.affine[:3, 3]


# Points


def test_a_quarter_of_a_circle_by_closed_form():
    """9° over 100 mm: after 1000 mm the axis points to the right, 2000/π mm to the side and 2000/π mm up."""
    radius = 2000 / math.pi
    axis = torch.tensor([[0.0, 0, 0], [0, 0, 1000.0], [50.0, 0, 1000.0], [0, 7.0, 1000.0], [0, 0, -1000.0]])
    expected = torch.tensor(
        [[0.0, 0, 0], [radius, 0, radius], [radius, 0, radius - 50], [radius, 7, radius], [radius, 0, -radius]],
        dtype=torch.float64,
    )
    torch.testing.assert_close(Bend(9.0).bent_from_rest(axis), expected, atol=1e-9, rtol=0)
    forward = Bend(9.0, "flexion").bent_from_rest(axis[:2])[1]
    torch.testing.assert_close(forward, torch.tensor([0, radius, radius], dtype=torch.float64), atol=1e-9, rtol=0)


def test_torsion_turns_slices_about_the_axis():
    found = Bend(0.0, about=(1.0, 2.0, 0.0), torsion=30.0).bent_from_rest(torch.tensor([[11.0, 2.0, 300.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.0, 12.0, 300.0]]).double(), atol=1e-9, rtol=0)


@pytest.mark.parametrize("plane", ["lateral", "flexion"])
@pytest.mark.parametrize("degrees", [12.0, -12.0, 1e-9, 0.0])
@pytest.mark.parametrize("torsion", [0.0, 7.0])
def test_there_and_back(plane, degrees, torsion):
    motion, rest = Bend(degrees, plane, ABOUT, torsion), points()
    bent = motion.bent_from_rest(rest)
    torch.testing.assert_close(motion.rest_from_bent(bent), rest, atol=1e-9, rtol=0)
    if abs(degrees) < 1e-6 and torsion == 0:
        torch.testing.assert_close(bent, rest, atol=1e-8, rtol=0)
    else:
        assert (bent - rest).norm(dim=1).max() > 5
    # the point and the tangent of the axis there do not move
    near = torch.tensor(ABOUT, dtype=torch.float64) + torch.tensor([[0.0, 0, 0], [0, 0, 1e-3], [0, 0, -1e-3]])
    torch.testing.assert_close(motion.bent_from_rest(near), near, atol=1e-8, rtol=0)


def test_slices_stay_plane_and_keep_their_shape():
    motion, rest = Bend(15.0, about=ABOUT, torsion=5.0), points()
    rest[:, 2] = 70.0
    bent = motion.bent_from_rest(rest)
    torch.testing.assert_close(torch.cdist(bent, bent), torch.cdist(rest, rest), atol=1e-5, rtol=0)
    normal = torch.linalg.svd(bent - bent.mean(0))[2][2]
    assert math.degrees(math.acos(normal[2].abs().item())) == pytest.approx(15.0 * 66 / 100, abs=1e-6)


# Volumes


@pytest.mark.parametrize("spacing", [None, 3.0])
def test_bending_by_nothing_changes_nothing(spacing):
    subject = phantom()
    bent, motion = bend(subject, 0.0, spacing=spacing)
    assert torch.equal(motion.rest_from_bent(points()), points())
    for name in ("volume", "density", "mask"):
        np.testing.assert_allclose(bent[name].affine, subject[name].affine, atol=1e-9)
        torch.testing.assert_close(bent[name].data, subject[name].data, atol=1e-3, rtol=0)
    assert subject["notes"] == ["A note."] and len(bent["notes"]) == 2


def test_a_finer_grid_holds_the_same_trunk():
    bent, _ = bend(phantom(), 0.0, spacing=2.0)
    assert bent["volume"].spatial_shape == (45, 39, 60)
    np.testing.assert_allclose(bent["volume"].get_center(), phantom()["volume"].get_center(), atol=1e-9)
    np.testing.assert_allclose(centre_of_the_ball(bent), centre_of_the_ball(phantom()), atol=0.05)


@pytest.mark.parametrize(
    "options",
    [
        {"degrees_per_100mm": 60.0},
        {"degrees_per_100mm": -60.0, "plane": "flexion"},
        {"degrees_per_100mm": 20.0, "torsion": 70.0},
    ],
)
def test_voxels_go_where_their_points_go(options):
    subject = phantom()
    bent, motion = bend(subject, about=ABOUT, spacing=2.0, **options)
    rest = centre_of_the_ball(subject)
    expected = motion.bent_from_rest(torch.from_numpy(rest)[None])[0].numpy()
    assert np.linalg.norm(expected - rest) > 6
    np.testing.assert_allclose(centre_of_the_ball(bent), expected, atol=0.2)
    assert bent["mask"].data.unique().tolist() == [0, 2, 5]
    middles = [ct.landmarks(one, ("x",))[["x", "y", "z"]].to_numpy() for one in map(without_names, (subject, bent))]
    moved = motion.bent_from_rest(torch.tensor(middles[0]))
    np.testing.assert_allclose(middles[1], moved, atol=1.0)  # half a voxel, by which nearest labels may be off
    density = ct.linear_attenuation(bent["volume"].data)
    torch.testing.assert_close(bent["density"].data, density)
    values = bent["volume"].data[0]
    for axis in range(3):  # none of the trunk is cut off: there is air all around
        assert values.movedim(axis, 0)[[0, -1]].max() < -990
    if motion.torsion == 0:  # what lies on the outside of the bend is stretched: by closed form, 1 - κ x
        beyond = -ABOUT[motion.plane == "flexion"]  # of the middle of the trunk, which is at the origin
        mass = [one["density"].data.double().sum() * np.prod(one["volume"].spacing) for one in (subject, bent)]
        stretch = 1 - math.radians(motion.degrees_per_100mm) / 100 * beyond
        assert mass[1] / mass[0] == pytest.approx(stretch, abs=0.01)


def without_names(subject):
    return torchio.Subject(volume=subject["volume"], mask=subject["mask"], structures=None)


def test_the_bend_does_not_depend_on_the_axes_of_the_grid():
    subject, turned = phantom(), phantom()
    for name in ("volume", "density", "mask"):
        image = subject[name]
        affine = image.affine @ np.array([[0, 0, -1.0, SHAPE[0] - 1], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
        turned[name] = type(image)(tensor=image.data.permute(0, 2, 3, 1).flip(3), affine=affine)
    found = [centre_of_the_ball(bend(one, 40.0, about=ABOUT, spacing=2.0)[0]) for one in (subject, turned)]
    np.testing.assert_allclose(found[0], found[1], atol=0.05)


def test_a_vertebra_moves_almost_rigidly():
    subject = phantom()
    _, motion = bend(subject, 10.0, about=ABOUT)
    fit, left = motion.rigid_fit(subject, "vertebrae_T9")
    assert torch.det(fit[:3, :3]).item() == pytest.approx(1)
    mask = subject["mask"]
    index = (mask.data[0] == 5).nonzero().double()
    rest = transform_points(torch.from_numpy(mask.affine), index)
    apart = transform_points(fit, rest) - motion.bent_from_rest(rest)
    assert left == pytest.approx(apart.square().sum(1).mean().sqrt().item())
    assert 0.01 < left < 0.5
    half, left_half = Bend(5.0, about=ABOUT).rigid_fit(subject, 5)
    assert left_half == pytest.approx(left / 2, rel=0.1)
    turn = math.degrees(math.acos(((torch.trace(half[:3, :3]) - 1) / 2).clamp(max=1).item()))
    height = rest[:, 2].mean().item() - ABOUT[2]
    assert turn == pytest.approx(abs(5.0 * height / 100), abs=0.02)


def test_the_rigid_fit_is_what_a_registration_of_the_unbent_ct_finds():
    """Seen from the pose that it gives, a structure of the CT at rest projects where that of the bent CT does."""
    subject, camera, pose = phantom(), Camera(1000.0, (1.0, 1.0), (200, 200)), carm_pose(20.0, 0.0, 700.0)
    bent, motion = bend(subject, 40.0, about=ABOUT, spacing=2.0)
    fit, left = motion.rigid_fit(subject, "heart")
    rest = torch.from_numpy(centre_of_the_ball(subject))[None]
    here = camera.project(rest, invert(fit) @ pose)
    there = camera.project(torch.from_numpy(centre_of_the_ball(bent))[None], pose)
    assert (camera.project(rest, pose) - there).norm() > 5
    assert (here - there).norm() < 1.0 + 2 * left
    image = -torch.log(simulate_xray(bent, camera, 20.0, 0.0, 700.0, **OFF).pixels)
    column, row = there[0].round().int().tolist()
    around = [image[row + 9, column], image[row - 9, column], image[row, column + 9], image[row, column - 9]]
    assert image[row, column] > max(around)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((10.0,), {"plane": "sideways"}, "plane is 'sideways': it can be lateral or flexion"),
        ((float("nan"),), {}, "degrees_per_100mm is nan"),
        ((10.0,), {"spacing": 0.0}, "spacing is 0"),
        ((10.0,), {"about": (0.0, 0.0)}, "about is"),
        ((200.0,), {}, "bend less"),
    ],
)
def test_bends_that_cannot_be_are_refused(arguments, options, words):
    with pytest.raises(ValueError, match=words):
        bend(phantom(), *arguments, **options)


def test_a_structure_that_is_not_there_is_refused():
    with pytest.raises(ct.CTError, match="'liver' is not in the label map"):
        Bend(5.0).rigid_fit(phantom(), "liver")
    with pytest.raises(ct.CTError, match="structure 9 is not in the label map"):
        Bend(5.0).rigid_fit(phantom(), 9)
    with pytest.raises(ct.CTError, match="this CT has none"):
        Bend(5.0).rigid_fit(torchio.Subject(volume=phantom()["volume"]), 5)
