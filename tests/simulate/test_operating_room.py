"""Sets of foreign things that are ready to use: metal in the bone and not in the canal, cables on the skin."""

import numpy as np
import pytest
import torch
import torchio

from diffpose_nb.camera import Camera
from diffpose_nb.simulate import (
    MATERIALS,
    OFF,
    Ball,
    Rod,
    Wire,
    arm,
    beads,
    cables,
    instruments,
    lead_letter,
    screw,
    simulate_xray,
)
from diffpose_nb.simulate.foreign.implants import ROD_DIAMETER, vertebrae
from diffpose_nb.simulate.foreign.overlying import skin

CAMERA = Camera(1000.0, (1.0, 0.8), (60, 80))
CANAL = 79  # of the example's label map: the spinal cord


def air():
    affine = np.diag([40.0, 40.0, 40.0, 1.0])
    affine[:3, 3] = -20
    return torchio.Subject(volume=torchio.ScalarImage(tensor=torch.full((1, 2, 2, 2), -1000.0), affine=affine))


def trunk():
    """A block of tissue, 180 mm wide and from y = -40 to 30, on a mattress on a table with a thin shell."""
    y = np.arange(-79, 81, 2.0)
    hounsfield = torch.full((110, 80, 40), -1000.0)
    hounsfield[10:100, (y > -40) & (y < 30)] = 0.0
    hounsfield[:, (y > -60) & (y < -40)] = -900.0
    hounsfield[:, (y > -50) & (y < -46)] = 100.0
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [-109, -79, -39]
    return torchio.Subject(volume=torchio.ScalarImage(tensor=hounsfield[None], affine=affine))


def labels_at(subject, points):
    voxel = points @ np.linalg.inv(subject["mask"].affine)[:3, :3].T + np.linalg.inv(subject["mask"].affine)[:3, 3]
    return subject["mask"].data[0].numpy()[tuple(np.rint(voxel).astype(int).T)]


def test_screws_go_through_the_pedicles_and_not_through_the_canal(example):
    found = vertebrae(example)
    assert {"vertebrae_T9", "vertebrae_T12", "vertebrae_L1"} <= {one.name for one in found}
    assert "vertebrae_L3" not in {one.name for one in found}  # the CT cuts it off
    assert (np.diff([one.canal[2] for one in found]) > 10).all()
    numbers = dict(zip(example["structures"]["structure"], example["structures"]["id"], strict=True))
    for one in found:
        np.testing.assert_allclose(np.stack([one.right, one.front, one.up]), np.eye(3), atol=0.75)
        for side in (-1.0, 1.0):
            entry, tip, diameter = one.screw(side)
            assert 24 < np.linalg.norm(tip - entry) < 51 and diameter in (4.5, 5.5, 6.5)
            assert side * (entry - one.canal)[0] > 5  # the right one has the larger x
            inside = labels_at(example, entry + np.linspace(0, 1, 60)[:, None] * (tip - entry))
            assert (inside == numbers[one.name]).mean() > 0.85, (one.name, side)
            assert not (inside == CANAL).any()
            assert (tip - entry) @ one.front > 20  # from the back to the front


def test_instruments_are_what_a_spine_operation_leaves_in_the_field(example):
    things = instruments(example, 4)
    assert things == instruments(example, 4) != instruments(example, 5)
    assert {thing.material for thing in things} == {"titanium", "steel", "copper", "polyethylene"}
    rods = [one for one in things if isinstance(one, Wire) and one.material == "titanium"]
    assert len(rods) == 2 and {rod.radius for rod in rods} == {ROD_DIAMETER / 2}
    tall = [np.ptp(np.array(rod.points)[:, 2]) for rod in rods]
    assert min(tall) > 30 and max(tall) < 130
    with pytest.raises(ValueError, match=r"0 whole vertebrae lie within 80 mm of z = 500 mm"):
        instruments(example, about=(0.0, 0.0, 500.0))


def test_without_names_there_are_no_vertebrae():
    with pytest.raises(ValueError, match="label map with names"):
        instruments(air())


def test_a_screw_is_as_thick_and_as_long_as_it_says():
    parts = screw((0.0, 0.0, 0.0), (0.0, 45.0, 0.0), 6.0)
    across = np.array([[x, 0.0, 0.0] for x in np.linspace(-4, 4, 161)])
    for y, most in ((20.0, 6.0), (42.0, 3.0)):  # in the thread, and near the tip
        level = np.array([0.0, y, 0.0])
        turns = [
            np.max([one.lengths(across + level + [0, dy, -30], across + level + [0, dy, 30]) for one in parts], axis=0)
            for dy in np.linspace(-1.25, 1.25, 11)
        ]
        assert np.max(turns) <= most + 1e-6
        if y == 20:
            assert np.max(turns) == pytest.approx(6.0, abs=0.01)
            assert np.min(np.max(turns, axis=1)) == pytest.approx(0.7 * 6.0, abs=0.01)
    beyond = [one.lengths([[0.0, 45.2, -30]], [[0.0, 45.2, 30]])[0] for one in parts]
    assert max(beyond) == 0


def test_skin_is_found_on_a_table_and_beside_the_body():
    subject = trunk()
    assert skin(subject, 0.0, 0.0) == pytest.approx(30, abs=1.1)
    assert skin(subject, 0.0, 0.0, front=False) == pytest.approx(-40, abs=1.1)
    assert skin(subject, 0.0, 500.0) == pytest.approx(30, abs=1.1)  # above the CT, its last slice goes on
    assert skin(subject, 105.0, 0.0) == pytest.approx(1, abs=1.1)


def test_beads_and_cables_lie_on_the_skin():
    subject = trunk()
    on = [one for one in beads(subject, 1, 40) if abs(one.centre[0]) < 89]
    assert len(on) > 10 and all(isinstance(one, Ball) for one in on)
    np.testing.assert_allclose([one.centre[1] - one.radius for one in on], 30, atol=1.1)
    things = cables(subject, 2, 2)
    assert things == cables(subject, 2, 2) != cables(subject, 3, 2)
    wires = [one for one in things if isinstance(one, Wire)]
    assert [one.material for one in wires] == ["polyethylene", "copper"] * 2
    assert wires[1].displaces == "polyethylene"
    assert all(29 < y < 34 for wire in wires for _, y, _ in wire.points)


def test_an_arm_is_soft_tissue_around_a_tube_of_bone():
    shapes = arm((-300.0, 0.0, 0.0), (300.0, 0.0, 0.0), radius=40.0, bone=12.0, cortex=4.0)
    camera = Camera(1000.0, (1.0, 1.0), (3, 3))
    image = simulate_xray(air(), camera, 0.0, 0.0, 700.0, **{**OFF, "foreign": shapes})
    soft, bone = (MATERIALS[name].attenuation([70.0])[0] for name in ("soft tissue", "bone"))
    line = -torch.log(image.pixels[1, 1]).item()
    assert line == pytest.approx(soft * (8.0 - 2.4) + bone * (2.4 - 1.6) + soft * 1.6, rel=1e-5)
    with pytest.raises(ValueError, match="each must be less"):
        arm((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), radius=5.0)


@pytest.mark.parametrize("mirrored", [True, False])
def test_a_letter_can_be_read_in_the_image(mirrored):
    camera = Camera(1000.0, (0.8, 0.5), (60, 90), mirrored=mirrored)
    shapes = lead_letter(camera, "L", at=(0.3, 0.2), height=20.0)
    image = simulate_xray(air(), camera, 25.0, 10.0, 700.0, **{**OFF, "mounted": shapes}).pixels
    dark = image < 0.5
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    assert abs(rows[0] - 0.2 * 59) < 3 and abs(columns[0] - 0.3 * 89) < 4
    assert np.ptp(rows) * 0.8 == pytest.approx(23, abs=1.5) and np.ptp(columns) * 0.5 == pytest.approx(15, abs=1.5)
    assert dark[rows[0] : rows[-1] + 1, columns[0] + 2].all()  # the upright is on the left
    assert dark[rows[-1] - 1, columns[0] : columns[-1] + 1].all()  # and the bar is at its foot
    assert not dark[rows[0] + 2, columns[-1] - 3]
    with pytest.raises(ValueError, match="letter is 'X'"):
        lead_letter(camera, "X")


def test_things_in_the_body_are_seen_where_they_are(example):
    """A screw shows in the simulated X-ray of the example where the camera projects its entry and its tip."""
    camera = Camera(1020.0, (2.0, 2.0), (100, 200))
    one = next(v for v in vertebrae(example) if v.name == "vertebrae_T9")
    entry, tip, diameter = one.screw(-1.0)
    pictures = [
        simulate_xray(example, camera, 40.0, 0.0, 700.0, **{**OFF, "foreign": things})
        for things in ((), screw(entry, tip, diameter))
    ]
    added = torch.log(pictures[0].pixels) - torch.log(pictures[1].pixels)
    ends = camera.project(torch.from_numpy(np.stack([entry, tip])), pictures[0].true_world_from_camera)
    for share in (0.1, 0.5, 0.9):
        column, row = (ends[0] + share * (ends[1] - ends[0])).round().int().tolist()
        assert added[row, column] > 0.3
    beyond = (ends[1] + 0.3 * (ends[1] - ends[0])).round().int().tolist()
    assert added[beyond[1], beyond[0]] == 0
    assert (added > 0.01).float().mean() < 0.03


def test_rod_and_screw_of_one_material_count_once_where_they_overlap():
    camera = Camera(1000.0, (1.0, 1.0), (3, 3))
    rod = Rod((0.0, -5.0, 0.0), (0.0, 5.0, 0.0), 8.0, "titanium")
    one, two = (
        simulate_xray(air(), camera, 0.0, 0.0, 700.0, **{**OFF, "foreign": shapes}).pixels[1, 1]
        for shapes in ([rod], [rod, Rod((0.0, -3.0, 0.0), (0.0, 4.0, 0.0), 5.0, "titanium")])
    )
    assert one == two < 0.2
