"""Foreign things: exact lengths, the attenuation of their material, and the side on which they appear."""

import numpy as np
import pytest
import pyvista
import torch
import torchio
import xraydb

from diffpose_nb.camera import Camera, carm_pose, make_transform, rigid_motion, transform_points
from diffpose_nb.simulate import MATERIALS, OFF, Ball, Box, Material, Rod, Wire, simulate_xray
from diffpose_nb.simulate.foreign.chords import grid_lengths, union_lengths

CAMERA = Camera(1000.0, (1.0, 0.8), (60, 80))
SHAPES = {
    "ball": Ball((3.0, -2.0, 5.0), 12.0),
    "rod": Rod((-10.0, 4.0, -12.0), (14.0, -6.0, 9.0), 4.0),
    "rounded": Rod((-10.0, 4.0, -12.0), (14.0, -6.0, 9.0), 4.0, rounded=True),
    "box": Box((2.0, 1.0, -3.0), [(18.0, 6.0, 0.0), (-2.0, 6.0, 1.0), (3.0, -9.0, 14.0)]),
    "wire": Wire([(-15.0, 0.0, -9.0), (-4.0, 8.0, 3.0), (-4.0, 8.0, 3.0), (2.0, -3.0, 4.0), (-12.0, 4.0, 2.0)], 3.0),
}


def air():
    affine = np.diag([40.0, 40.0, 40.0, 1.0])
    affine[:3, 3] = -20
    volume = torch.full((1, 2, 2, 2), -1000.0)
    return torchio.Subject(volume=torchio.ScalarImage(tensor=volume, affine=affine))


def water():
    subject = air()
    subject["volume"].data[:] = 0.0
    return subject


def taken(subject, view=(0.0, 0.0), camera=CAMERA, **options):
    return simulate_xray(subject, camera, *view, 700.0, **{**OFF, **options})


def rays(number=4000, seed=0):
    """From all around to all around: many hit, many miss."""
    rng = np.random.default_rng(seed)
    starts = rng.normal(size=(number, 3))
    starts *= 500 / np.linalg.norm(starts, axis=1, keepdims=True)
    return starts, rng.uniform(-20, 20, (number, 3)) * 2 - starts


def inside(shape, points):
    """Whether points are inside, from the definition of each shape."""
    if isinstance(shape, Ball):
        return np.linalg.norm(points - np.array(shape.centre), axis=-1) < shape.radius
    if isinstance(shape, Box):
        return (np.abs(np.linalg.solve(np.array(shape.edges).T, (points - np.array(shape.centre)).T)) < 0.5).all(0)
    if isinstance(shape, Wire):
        return np.any([inside(piece, points) for piece in shape.convex()], axis=0)
    start, end = np.array(shape.start), np.array(shape.end)
    along = (points - start) @ (end - start) / ((end - start) @ (end - start))
    if shape.rounded:
        along = along.clip(0, 1)
    near = np.linalg.norm(points - start - along[:, None] * (end - start), axis=1) < shape.radius
    return near & (along >= 0) & (along <= 1)


# Lengths


@pytest.mark.parametrize("name", SHAPES)
def test_lengths_are_those_of_many_points_on_the_ray(name):
    starts, ends = rays(60)
    middle, run = (starts + ends) / 2, (ends - starts) / np.linalg.norm(ends - starts, axis=1, keepdims=True)
    at = (np.arange(40_000) + 0.5) / 40_000 * 100 - 50  # mm along the ray, around the shapes
    points = middle[:, None] + at[:, None] * run[:, None]
    counted = np.array([inside(SHAPES[name], one).mean() * 100 for one in points])
    assert 5 < (counted > 1).sum() < 58
    np.testing.assert_allclose(SHAPES[name].lengths(starts, ends), counted, atol=0.02)


@pytest.mark.parametrize("name", ["rod", "box"])
def test_lengths_are_those_between_the_facets_of_vtk(name):
    shape = SHAPES[name]
    if name == "rod":
        start, end = np.array(shape.start), np.array(shape.end)
        length = np.linalg.norm(end - start)
        mesh = pyvista.Cylinder(
            center=(start + end) / 2, direction=end - start, radius=shape.radius, height=length, resolution=720
        )
    else:
        mesh = pyvista.Cube(x_length=1.0, y_length=1.0, z_length=1.0)
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = np.array(shape.edges).T, shape.centre
        mesh = mesh.transform(matrix, inplace=False)
    mesh = mesh.triangulate()
    starts, ends = rays(150, seed=1)
    hits = [mesh.ray_trace(a, b)[0] for a, b in zip(starts, ends, strict=True)]
    clear = np.array([len(hit) in (0, 2) for hit in hits])  # a ray through an edge is found once or three times
    between = np.array([np.linalg.norm(hit[1] - hit[0]) if len(hit) == 2 else 0.0 for hit in hits])
    assert clear.sum() > 140 and (between > 0).sum() > 15
    np.testing.assert_allclose(shape.lengths(starts, ends)[clear], between[clear], atol=5e-3)


def test_chords_by_closed_form():
    down = np.array([0.0, 0.0, -100.0])  # parallel rays along z
    at = np.array([[0.0, 0, 0], [3.0, 0, 0], [0, 4.0, 0], [4.9, 0, 0], [5.1, 0, 0]])
    starts, ends = at - down, at + down
    aside = np.linalg.norm(at, axis=1)
    chord = 2 * np.sqrt((25 - aside**2).clip(min=0))
    np.testing.assert_allclose(Ball((0, 0, 7.0), 5.0).lengths(starts, ends), chord, atol=1e-9)
    across = Rod((-50.0, 0, 0), (50.0, 0, 0), 5.0)  # cut across: only y counts
    np.testing.assert_allclose(across.lengths(starts, ends), 2 * np.sqrt(25 - at[:, 1] ** 2), atol=1e-9)
    along = Rod((0, 0, -8.0), (0, 0, 12.0), 5.0)  # exactly along the axis
    np.testing.assert_allclose(along.lengths(starts, ends), np.where(aside < 5, 20.0, 0.0), atol=1e-9)
    rounded = Rod((0, 0, -8.0), (0, 0, 12.0), 5.0, rounded=True)
    np.testing.assert_allclose(rounded.lengths(starts, ends), np.where(aside < 5, 20 + chord, 0.0), atol=1e-9)
    plate = Box((0.0, 0.0, 0.0), np.diag([8.0, 100.0, 3.0]))
    np.testing.assert_allclose(plate.lengths(starts, ends), [3, 3, 3, 0, 0], atol=1e-9)


def test_a_thin_wire_far_from_the_source_is_exact():
    wire = Rod((-200.0, 0.013, 0.0), (200.0, 0.013, 0.0), 0.05)
    assert wire.lengths([[0.0, 0.0, -1e4]], [[0.0, 0.0, 1e4]])[0] == pytest.approx(2 * np.sqrt(0.05**2 - 0.013**2))


def test_a_ray_has_two_ends():
    ball = Ball((0.0, 0.0, 0.0), 10.0)
    starts, ends = np.array([[0.0, 0, 0], [0, 0, -50], [0, 0, 20], [0, 0, -3]]), np.array([0.0, 0.0, 40.0])
    np.testing.assert_allclose(ball.lengths(starts, np.where(starts == -50, -20.0, ends)), [10, 0, 0, 13])


def test_what_overlaps_counts_once():
    ray = [np.array([n]) for n in (0, 0, 1, 0, 2)]
    first, last = (
        [np.array([x]) for x in values] for values in ([0.1, 0.3, -1.0, 0.7, 0.5], [0.4, 0.6, 9.0, 0.8, 0.2])
    )
    np.testing.assert_allclose(union_lengths(list(zip(ray, first, last, strict=True)), 4), [0.6, 1.0, 0.0, 0.0])
    pose = carm_pose(0.0, 0.0, 700.0)
    source, ends = (p.numpy() for p in CAMERA.rays(pose))
    corner, steps = ends[0], np.stack([ends[80] - ends[0], ends[1] - ends[0]])
    two = [Ball((0.0, 0.0, 0.0), 8.0), Ball((2.0, 0.0, 3.0), 8.0)]
    both = grid_lengths(two, source[0], corner, steps, CAMERA.shape)
    single = [grid_lengths([one], source[0], corner, steps, CAMERA.shape) for one in two]
    assert (both <= sum(single) + 1e-3).all() and (both >= np.maximum(*single) - 1e-3).all()
    assert (sum(single) - both).max() > 5
    volume = np.pi * (4 * 8 + np.sqrt(13)) * (2 * 8 - np.sqrt(13)) ** 2 / 12  # of the lens in both
    pixel = 0.8 * (700 / 1000) ** 2  # mm² at the isocentre
    assert (sum(single) - both).sum() * pixel == pytest.approx(volume, rel=0.02)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("camera", [CAMERA, Camera(1000.0, (3.0, 3.0), (6, 5), principal_point=(0.0, 9.0))])
def test_the_rectangle_behind_a_shape_misses_no_ray(name, camera):
    pose = rigid_motion([20.0, -30.0, 10.0], [4.0, 9.0, -6.0]) @ carm_pose(0.0, 0.0, 700.0)
    source, ends = (p.numpy() for p in camera.rays(pose))
    columns = camera.shape[1]
    steps = np.stack([ends[columns] - ends[0], ends[1] - ends[0]])
    found = grid_lengths([SHAPES[name]], source[0], ends[0], steps, camera.shape)
    np.testing.assert_allclose(found.ravel(), SHAPES[name].lengths(source, ends), atol=1e-4)
    assert found.max() > 1


def test_a_shape_around_the_source_shadows_every_ray():
    found = -torch.log(taken(air(), mounted=[Ball((0.0, 0.0, 0.0), 50.0, "aluminium")]).pixels)
    np.testing.assert_allclose(found, 5.0 * MATERIALS["aluminium"].attenuation([70.0])[0], rtol=1e-4)


# Attenuation


def test_behind_five_millimetres_of_titanium():
    plate = Box((0.0, 0.0, 0.0), np.diag([300.0, 5.0, 300.0]), "titanium")
    camera = Camera(1000.0, (1.0, 1.0), (3, 3))
    found = taken(air(), camera=camera, foreign=[plate], energy=60.0).pixels[1, 1].item()
    # by the mixture rule, from the tables that the code uses, and from Chantler's, which are 2 % lower
    parts = [("Ti", 0.9), ("Al", 0.06), ("V", 0.04)]
    for table, rel in ((xraydb.mu_elam, 1e-4), (xraydb.mu_chantler, 0.05)):
        mu = 4.43 * sum(table(element, 60e3) * part for element, part in parts)
        assert found == pytest.approx(np.exp(-0.5 * mu), rel=rel)


@pytest.mark.parametrize(
    ("name", "table"),  # NIST XCOM, total attenuation with coherent scattering at 60 keV, cm²/g
    [("lead", 5.021), ("copper", 1.593), ("aluminium", 0.2778), ("polyethylene", 0.1970), ("bone", 0.3148)],
)
def test_attenuation_is_nist_s(name, table):
    material = MATERIALS[name]
    assert material.attenuation([60.0])[0] / material.density == pytest.approx(table, rel=0.02)


def test_a_spectrum_hardens_in_metal():
    camera = Camera(1000.0, (1.0, 1.0), (3, 3))
    plates = [Box((0.0, 0.0, 0.0), np.diag([300.0, mm, 300.0]), "steel") for mm in (0.5, 2.0)]
    line = [-taken(air(), camera=camera, kvp=80.0, foreign=[one]).pixels[1, 1].log().item() for one in plates]
    assert 0.4 * 4 * line[0] < line[1] < 0.8 * 4 * line[0]


def test_an_implant_takes_the_place_of_what_it_displaces():
    plain = taken(water(), tissues=False).pixels
    own = Material("water", 1.0, {"H": 0.111898, "O": 0.888102})
    same = taken(water(), tissues=False, foreign=[Ball((0.0, 0.0, 0.0), 9.0, own, displaces=own)]).pixels
    torch.testing.assert_close(same, plain)
    hole = taken(water(), tissues=False, foreign=[Ball((0.0, 0.0, 0.0), 9.0, "polyethylene", displaces=own)]).pixels
    ball = taken(water(), tissues=False, foreign=[Ball((0.0, 0.0, 0.0), 9.0, "polyethylene")]).pixels
    assert hole.max() > plain.max() * 1.01 and (ball <= plain).all() and ball.min() < plain.min()


# Place


@pytest.mark.parametrize("view", [(0.0, 0.0), (30.0, -20.0), (90.0, 0.0)])
def test_a_screw_appears_where_the_camera_projects_it(view):
    """On the patient's left, with the tip further to the front: a mirrored or turned image shows it elsewhere."""
    left, tip = np.array([-14.0, -6.0, 5.0]), np.array([-8.0, 10.0, 8.0])
    motion = rigid_motion([3.0, -2.0, 4.0], [2.0, 3.0, -1.0])
    image = taken(air(), view, foreign=[Ball(left, 1.0), Rod(left, tip, 0.4)], motion=motion)
    dark = -torch.log(image.pixels)
    ends = CAMERA.project(torch.as_tensor(np.stack([left, tip])), image.true_world_from_camera)
    row, column = np.unravel_index(dark.argmax().item(), dark.shape)
    assert abs(column - ends[0, 0]) < 1.5 and abs(row - ends[0, 1]) < 1.5
    if view == (0.0, 0.0):
        assert column > 40  # the patient's left is on the image's right
    for share in (0.3, 0.6, 0.9):
        point = torch.as_tensor(left + share * (tip - left))
        column, row = CAMERA.project(point[None], image.true_world_from_camera)[0].round().int().tolist()
        assert dark[row - 1 : row + 2, column - 1 : column + 2].max() > 0.05
    assert (dark > 0.01).sum() < 150


def test_what_is_mounted_stays_in_the_image_and_what_is_foreign_moves_with_the_patient():
    still, motion = carm_pose(0.0, 0.0, 700.0), rigid_motion([0.0, 0.0, 0.0], [8.0, 0.0, 0.0])
    letter = Box((5.0, -8.0, 990.0), np.diag([6.0, 2.0, 1.0]), "lead")
    screw = Rod((0.0, 0.0, 0.0), (0.0, 0.0, 9.0), 2.0)
    for name, thing, stays in (("mounted", letter, True), ("foreign", screw, False)):
        here, there = (taken(air(), motion=m, **{name: [thing]}).pixels for m in (None, motion))
        assert torch.allclose(here, there, atol=1e-5) == stays
        assert here.min() < 0.9
    as_foreign = taken(air(), foreign=[letter.moved(still)]).pixels
    torch.testing.assert_close(as_foreign, taken(air(), mounted=[letter]).pixels, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", SHAPES)
def test_a_moved_shape_is_met_by_moved_rays(name):
    motion = make_transform(rigid_motion([40.0, 10.0, -70.0], [0.0, 0.0, 0.0])[:3, :3], torch.tensor([5.0, -60.0, 9.0]))
    starts, ends = (torch.as_tensor(points) for points in rays(500))
    found = SHAPES[name].moved(motion).lengths(transform_points(motion, starts), transform_points(motion, ends))
    assert found.max() > 1
    np.testing.assert_allclose(found, SHAPES[name].lengths(starts, ends), atol=1e-6)


def test_a_note_says_that_there_are_foreign_things():
    image = taken(air(), foreign=[SHAPES["ball"]], mounted=[SHAPES["rod"]])
    assert "2 things" in image.notes[-1] and "steel, titanium" in image.notes[-1]
    assert not any("does not show" in note for note in taken(air()).notes)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Ball((0.0, 0.0, 0.0), 1.0, "gold"), "no material 'gold': it can be titanium"),
        (lambda: Ball((0.0, 0.0, 0.0), -1.0), "radius is -1"),
        (lambda: Ball((0.0, 0.0), 1.0), "centre is .* three finite numbers"),
        (lambda: Ball((0.0, 0.0, np.nan), 1.0), "three finite numbers"),
        (lambda: Rod((0.0, 0.0, 1.0), (0.0, 0.0, 1.0), 1.0), "same point"),
        (lambda: Box((0.0, 0.0, 0.0), np.ones((3, 3))), "span space"),
        (lambda: Wire([(0.0, 0.0, 0.0)], 1.0), "at least two"),
        (lambda: Material("mud", 0.0, {"O": 1.0}), "density of 0"),
        (lambda: Material("mud", 1.0, {"O": 0.5}), "add up to 0.5"),
    ],
)
def test_things_that_cannot_be_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
