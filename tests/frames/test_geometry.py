"""Conventions without a program at hand: explicit positions, DICOM's angles, RTK and DeepDRR by what they computed."""

import json
from pathlib import Path

import pytest
import roma
import torch
from diffdrr.pose import convert
from hypothesis import given
from hypothesis import strategies as st
from views import random_view

from diffpose_nb import frames
from diffpose_nb.camera import Camera

REFERENCE = Path(__file__).parents[1] / "reference"
RTK = json.loads((REFERENCE / "rtk.json").read_text(encoding="utf-8"))
DEEPDRR = json.loads((REFERENCE / "deepdrr.json").read_text(encoding="utf-8"))


def _same_view(found, expected, points):
    (camera, pose), (expected_camera, expected_pose) = found, expected
    torch.testing.assert_close(pose, expected_pose, atol=1e-6, rtol=0)
    assert (camera.shape, camera.mirrored) == (expected_camera.shape, expected_camera.mirrored)
    assert camera.sid == pytest.approx(expected_camera.sid)
    torch.testing.assert_close(camera.project(points, pose), expected_camera.project(points, expected_pose))


def _by_matrix(matrix, points):
    homogeneous = frames.transform_points(torch.cat([matrix, torch.eye(4)[3:]]), points)
    return homogeneous[:, :2] / homogeneous[:, 2:]


def test_positions_say_where_a_ray_meets_the_detector(view, letter):
    """The definition itself: intersect the ray with the detector's plane and read it off along its directions."""
    camera, pose = view
    source, center, columns, rows = frames.to_positions(camera, pose)
    normal = torch.linalg.cross(columns, rows)
    rays = letter - source
    on_plane = source + rays * ((center - source) @ normal / (rays @ normal))[:, None]
    (height, width), (row_spacing, column_spacing) = camera.shape, camera.pixel_spacing
    column = (on_plane - center) @ columns / column_spacing + (width - 1) / 2
    row = (on_plane - center) @ rows / row_spacing + (height - 1) / 2
    torch.testing.assert_close(torch.stack([column, row], -1), camera.project(letter, pose))


def test_positions_and_back_in_the_world_and_in_lps(view, letter):
    camera, pose = view
    lps_from_world = frames.ras_from_lps @ frames.make_transform(torch.eye(3), torch.tensor([100.0, -50, 30]))
    for matrix in (None, lps_from_world):
        positions = frames.to_positions(camera, pose, matrix)
        back = None if matrix is None else frames.invert(matrix)
        _same_view(frames.from_positions(positions, camera.pixel_spacing, camera.shape, back), (camera, pose), letter)


def test_a_left_handed_frame_changes_the_side_that_the_image_is_seen_from():
    """A reflection carries the detector along: the same picture of the reflected object."""
    camera, pose = random_view(4)
    mirror = torch.diag(torch.tensor([1.0, -1, 1, 1], dtype=torch.float64))
    reflected, pose_of_it = frames.from_positions(
        frames.to_positions(camera, pose), camera.pixel_spacing, camera.shape, mirror
    )
    assert reflected.mirrored != camera.mirrored
    assert pose_of_it[:3, :3].det().item() == pytest.approx(1)
    points = 30 * torch.randn(6, 3, dtype=torch.float64)
    expected = camera.project(points, pose)
    torch.testing.assert_close(reflected.project(frames.transform_points(mirror, points), pose_of_it), expected)


@pytest.mark.parametrize(
    ("columns", "rows", "source", "message"),
    [
        ([1, 0, 0], [0.1, 1, 0], [0, 0, -500], "two perpendicular unit vectors"),
        ([2, 0, 0], [0, 1, 0], [0, 0, -500], "two perpendicular unit vectors"),
        ([1, 0, 0], [0, 1, 0], [9, 9, 500], "lies in the plane of the detector"),
    ],
)
def test_positions_that_are_no_view_are_refused(columns, rows, source, message):
    positions = frames.Positions(*(torch.tensor(v, dtype=torch.float64) for v in (source, [0, 0, 500], columns, rows)))
    with pytest.raises(ValueError, match=message):
        frames.from_positions(positions, (1, 1), (10, 10))


@given(st.floats(-179, 180), st.floats(-89, 89), st.floats(-179, 180))
def test_dicom_s_angles_and_back(primary, secondary, turn):
    about_axis = frames.rigid_motion([0, 0, turn], [0, 0, 0])
    pose = frames.carm_pose(primary, secondary, 700) @ about_axis
    found = torch.stack(frames.carm_angles(pose))
    expected = torch.tensor([primary, secondary, turn], dtype=torch.float64)
    torch.testing.assert_close((found - expected + 180) % 360 - 180, torch.zeros_like(found), atol=1e-6, rtol=0)


def test_dicom_s_angles_are_euler_angles_zx_of_the_world():
    """As the table of angle orders says; the pose at 0/0 is what they turn."""
    turn = roma.euler_to_rotmat("ZX", torch.tensor([35.0, -20.0], dtype=torch.float64), degrees=True)
    expected = turn @ frames.carm_pose(0, 0, 700)[:3, :3]
    torch.testing.assert_close(frames.carm_pose(35, -20, 700)[:3, :3], expected)


@pytest.mark.parametrize("order", ["ZXY", "ZYX"])
def test_diffdrr_s_letters_are_roma_s(order):
    angles = torch.tensor([[0.3, -0.5, 0.7]])
    matrix = convert(angles, torch.zeros(1, 3), parameterization="euler_angles", convention=order).matrix
    torch.testing.assert_close(matrix[:, :3, :3], roma.euler_to_rotmat(order, angles))


@pytest.mark.parametrize(("orientation", "primary", "secondary"), [("PA", 35, -20), ("AP", 35 + 180, 20)])
def test_diffdrr_s_angles_in_dicom_s(orientation, primary, secondary):
    turn = convert(
        torch.tensor([[35.0, -20.0, 50.0]]),
        torch.zeros(1, 3),
        parameterization="euler_angles",
        convention="ZXY",
        degrees=True,
    )
    beam = frames.from_diffdrr(turn, orientation)[0, :3, 2]
    torch.testing.assert_close(beam, frames.carm_pose(primary, secondary, 700)[:3, 2], atol=1e-5, rtol=0)


@pytest.mark.parametrize("secondary", [90, -90])
def test_at_the_pole_the_angles_still_make_the_pose(secondary):
    pose = frames.carm_pose(35, secondary, 700)
    primary, found, turn = frames.carm_angles(pose)
    assert (found.item(), turn.item()) == pytest.approx((secondary, 0), abs=1e-5)
    torch.testing.assert_close(frames.carm_pose(primary, found, 700), pose, atol=1e-4, rtol=0)


@pytest.mark.parametrize("case", RTK)
def test_rtk(case, letter):
    """RTK's own matrices; it projects to mm on the detector, from where the image's origin leads to pixels."""
    matrix = torch.tensor(case["matrix"], dtype=torch.float64)
    projection = frames.RTKProjection(**{name: value for name, value in case.items() if name != "matrix"})
    image = {"pixel_spacing": (0.9, 0.7), "shape": (120, 161), "origin": (-50.0, -41.0)}
    fixed = torch.eye(4, dtype=torch.float64)
    camera, pose = frames.from_rtk(projection, **image, world_from_fixed=fixed)
    expected = (_by_matrix(matrix, letter) - torch.tensor([-50.0, -41.0])) / torch.tensor([0.7, 0.9])
    torch.testing.assert_close(camera.project(letter, pose), expected, atol=1e-3, rtol=0)
    back, origin = frames.to_rtk(camera, pose, fixed)
    again = frames.from_rtk(back, (0.9, 0.7), (120, 161), origin, fixed)
    _same_view(again, (camera, pose), letter)
    assert back.gantry_angle % 360 == pytest.approx(case["gantry_angle"], abs=1e-6)
    assert back.source_to_isocenter == pytest.approx(case["source_to_isocenter"])


@pytest.mark.parametrize(("gantry", "axis"), [(0, [0, 1, 0]), (90, [-1, 0, 0])], ids=["above", "patient's left"])
def test_rtk_s_source_starts_above_a_supine_patient(gantry, axis):
    """IEC 61217: at 0° the source is above, in front of the patient; at 90° it has gone to +x, the patient's left."""
    pose = frames.from_rtk(frames.RTKProjection(1000, 1500, gantry), (1, 1), (10, 10), (0, 0))[1]
    torch.testing.assert_close(pose[:3, 3], 1000 * torch.tensor(axis, dtype=torch.float64))


def test_rtk_sees_from_the_detector():
    camera, pose = random_view(1, mirrored=False)
    with pytest.raises(ValueError, match="flip camera and image"):
        frames.to_rtk(camera, pose)


@pytest.mark.parametrize("case", DEEPDRR)
def test_deepdrr(case, letter):
    case = dict(case)
    matrix = torch.tensor(case.pop("matrix"), dtype=torch.float64)
    shape = (case.pop("sensor_height"), case.pop("sensor_width"))
    spacing, sid = case.pop("pixel_size"), case.pop("source_to_detector_distance")
    device = frames.rigid_motion([20, -40, 10], [5, 6, 7])
    camera = Camera(sid, (spacing, spacing), shape, mirrored=False)
    pose = frames.from_deepdrr(frames.DeepDRRPose(**case), device)
    expected = _by_matrix(matrix, letter) - 0.5
    ours = camera.project(frames.transform_points(device, letter), pose)
    torch.testing.assert_close(ours, expected, atol=1e-3, rtol=0)
    back = frames.to_deepdrr(pose, device, case["source_to_isocenter_vertical_distance"])
    torch.testing.assert_close(frames.from_deepdrr(back, device), pose)
    if case["rotate_camera_left"] and not case["source_to_isocenter_horizontal_offset"]:
        assert back[:3] == pytest.approx((case["alpha"], case["beta"], case["gamma"]))
        assert back.isocenter == pytest.approx(case["isocenter"])
