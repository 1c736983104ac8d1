import json
from pathlib import Path

import pytest
import torch
import torchio
from diffdrr.data import read
from diffdrr.drr import DRR

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, ras_from_lps, to_diffdrr, transform_points
from diffpose_nb.render import Renderer

CASES = json.loads((Path(__file__).parent / "data" / "projection.json").read_text())["cases"]


def _case(case):
    camera = Camera(case["DistanceSourceToDetector"], case["ImagerPixelSpacing"], (case["Rows"], case["Columns"]))
    pose = carm_pose(case["PositionerPrimaryAngle"], case["PositionerSecondaryAngle"], case["DistanceSourceToPatient"])
    points = transform_points(ras_from_lps, torch.tensor(case["points_lps"], dtype=torch.float64))
    return camera, pose, points, torch.tensor(case["column_row"], dtype=torch.float64)


@pytest.mark.parametrize("case", CASES)
def test_projection_agrees_with_the_standard(case):
    """The numbers come from an implementation written from PS3.3 C.8.7.5.1.2 alone."""
    camera, pose, points, expected = _case(case)
    torch.testing.assert_close(camera.project(points, pose), expected, atol=1e-6, rtol=0)


def _subject(density=None, affine=None):
    density = torch.rand(3, 3, 3) if density is None else density
    image = torchio.ScalarImage(tensor=density[None], affine=torch.eye(4).numpy() if affine is None else affine)
    return read(image, orientation=None, center_volume=affine is None)


@pytest.mark.parametrize("case", CASES)
def test_diffdrr_s_own_projection_agrees(case):
    camera, pose, points, expected = _case(case)
    drr = DRR(_subject(), **camera.to_diffdrr())
    theirs = drr.perspective_projection(to_diffdrr(pose[None]), points[None].float())[0] - 0.5  # it counts pixel edges
    torch.testing.assert_close(theirs.double(), expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("mirrored", [True, False])
def test_diffdrr_agrees_about_the_principal_point(mirrored):
    camera = Camera(1000, (0.8, 0.5), (300, 400), principal_point=(180.25, 171.5), mirrored=mirrored)
    pose, points = carm_pose(25, -15, 700), 60 * torch.randn(20, 3, dtype=torch.float64)
    drr = DRR(_subject(), **camera.to_diffdrr())
    theirs = drr.perspective_projection(to_diffdrr(pose[None]), points[None].float())[0] - 0.5
    torch.testing.assert_close(theirs.double(), camera.project(points, pose), atol=2e-3, rtol=0)


@pytest.mark.parametrize("method", ["fused", "trilinear", "siddon"])
@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize(("primary", "secondary"), [(0, 0), (30, 20), (-70, 10)])
def test_a_bright_voxel_is_rendered_where_it_is_projected(method, mirrored, primary, secondary):
    density = torch.zeros(24, 20, 16)
    density[19, 4, 12] = 1  # nowhere near an axis of symmetry
    affine = torch.diag(torch.tensor([-2.0, 2, 2.5, 1])).numpy()
    affine[:3, 3] = [24, -20, -20]
    image = torchio.ScalarImage(tensor=density[None], affine=affine)
    subject = torchio.Subject(
        volume=image, density=image, mask=None, orientation=None, reorient=torch.eye(4), fiducials=None
    )
    camera = Camera(1000, (0.6, 0.5), (150, 180), principal_point=(80, 70), mirrored=mirrored)
    pose = carm_pose(primary, secondary, 700)
    picture = Renderer(subject, camera, method)(pose)[0, 0].double()
    rows, columns = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in camera.shape), indexing="ij")
    centroid = torch.stack([(picture * columns).sum(), (picture * rows).sum()]) / picture.sum()
    centre = torch.tensor([[19.0, 4, 12]], dtype=torch.float64)
    expected = camera.project(transform_points(torch.from_numpy(affine), centre), pose)[0]
    torch.testing.assert_close(centroid, expected, atol=0.3 if method == "siddon" else 0.05, rtol=0)


def test_crop_resize_and_flip_follow_the_pixels():
    """A point keeps its place in the image when image and camera are changed together."""
    camera = Camera(1000, (0.8, 0.5), (300, 400), principal_point=(190, 140))
    pose, points = carm_pose(20, 10, 700), 40 * torch.randn(10, 3, dtype=torch.float64)
    column, row = camera.project(points, pose).unbind(-1)

    def project(changed):
        return changed.project(points, pose).unbind(-1)

    for found, expected in [
        (project(camera.crop(30, 40, 200, 250)), (column - 40, row - 30)),
        (project(camera.flip()), (399 - column, row)),
        (project(camera.resize(150, 100)), ((column + 0.5) / 4 - 0.5, (row + 0.5) / 2 - 0.5)),
    ]:
        torch.testing.assert_close(torch.stack(found), torch.stack(expected))


def test_resize_keeps_the_detector_s_size():
    camera = Camera(1000, (0.8, 0.5), (300, 400)).resize(75, 200)
    assert camera.pixel_spacing == (3.2, 1.0)
    assert camera.principal_point == ((200 - 1) / 2, (75 - 1) / 2)


def test_flip_twice_is_the_same_camera():
    camera = Camera(1000, (0.8, 0.5), (300, 400), (190, 140))
    assert camera.flip() != camera
    assert camera.flip().flip() == camera


def test_detector_points_project_to_their_pixels():
    camera = Camera(1000, (0.8, 0.5), (3, 4), (1, 2))
    points = camera.detector_points()
    assert points[:, 2].eq(1000).all()
    pixels = camera.project(points, torch.eye(4))
    torch.testing.assert_close(pixels[:5], torch.tensor([[0, 0], [1, 0], [2, 0], [3, 0], [0, 1]], dtype=torch.float64))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, (1, 1), (10, 10)), "sid is 0"),
        ((1000, (1, -1), (10, 10)), "column spacing is -1"),
        ((float("nan"), (1, 1), (10, 10)), "sid is nan"),
        ((1000, (1, 1), (0, 10)), "shape is"),
    ],
)
def test_an_impossible_camera_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Camera(*arguments)


def test_a_crop_outside_the_image_is_refused():
    with pytest.raises(ValueError, match="leaves the 300 x 400 image"):
        Camera(1000, (1, 1), (300, 400)).crop(200, 0, 101, 10)
