import json
from pathlib import Path

import pytest
import torch
import torchio
from diffdrr.data import read
from diffdrr.drr import DRR

from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose, from_diffdrr, invert, ras_from_lps, to_diffdrr, transform_points
from diffpose_nb.render import Renderer

CASES = json.loads((Path(__file__).parents[1] / "reference" / "projection.json").read_text())["cases"]


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


OFF_CENTRE = [
    Camera(1000, (0.8, 0.5), (300, 400), (180.25, 171.5)),
    Camera(1000, (0.8, 0.5), (300, 400), (180.25, 171.5), mirrored=False),
    Camera(1243.7, (0.31, 0.47), (97, 64)),
]


def _points():
    return 60 * torch.randn(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("reverse_x_axis", [True, False])
def test_from_diffdrr_projects_as_diffdrr_does(reverse_x_axis):
    arguments = {"sdd": 1020.0, "height": 200, "width": 320, "delx": 0.7, "dely": 0.9, "x0": 13.0, "y0": -21.0}
    drr = DRR(_subject(), **arguments, reverse_x_axis=reverse_x_axis)
    camera = Camera.from_diffdrr(**arguments, reverse_x_axis=reverse_x_axis)
    pose = to_diffdrr(carm_pose(25, -15, 700)[None])
    theirs = drr.perspective_projection(pose, _points()[None].float())[0] - 0.5
    ours = camera.project(_points(), from_diffdrr(pose)[0])
    torch.testing.assert_close(theirs.double(), ours, atol=2e-3, rtol=0)


def test_from_diffdrr_has_diffdrr_s_defaults():
    drr = DRR(_subject(), sdd=1020, height=200, delx=0.7)
    camera = Camera.from_diffdrr(sdd=1020, height=200, delx=0.7)
    pose = to_diffdrr(carm_pose(10, 5, 700)[None])
    theirs = drr.perspective_projection(pose, _points()[None].float())[0] - 0.5
    torch.testing.assert_close(theirs.double(), camera.project(_points(), from_diffdrr(pose)[0]), atol=2e-3, rtol=0)


@pytest.mark.parametrize("camera", OFF_CENTRE)
def test_diffdrr_and_back_is_the_same_camera(camera):
    back = Camera.from_diffdrr(**camera.to_diffdrr())
    assert (back.sid, back.pixel_spacing, back.shape, back.mirrored) == (
        camera.sid,
        camera.pixel_spacing,
        camera.shape,
        camera.mirrored,
    )
    assert back.principal_point == pytest.approx(camera.principal_point)


@pytest.mark.parametrize("camera", OFF_CENTRE)
def test_opencv_projects_the_same_points(camera):
    cv2 = pytest.importorskip("cv2")
    pose = carm_pose(25, -15, 700)
    k, size = camera.to_opencv()
    camera_from_world = invert(pose).numpy()
    rotation = cv2.Rodrigues(camera_from_world[:3, :3])[0]
    theirs = cv2.projectPoints(_points().numpy(), rotation, camera_from_world[:3, 3], k, None)[0][:, 0]
    torch.testing.assert_close(torch.from_numpy(theirs), camera.project(_points(), pose), atol=1e-6, rtol=0)
    assert size == (camera.shape[1], camera.shape[0])
    back = Camera.from_opencv(torch.from_numpy(k), size, camera.sid)
    torch.testing.assert_close(back.project(_points(), pose), camera.project(_points(), pose))
    assert (back.mirrored, back.shape) == (camera.mirrored, camera.shape)
    assert back.pixel_spacing == pytest.approx(camera.pixel_spacing)


def test_opencv_finds_the_pose_of_a_mirrored_camera():
    cv2 = pytest.importorskip("cv2")
    camera, pose = OFF_CENTRE[0], carm_pose(25, -15, 700)
    pixels = camera.project(_points(), pose).numpy()
    found, rotation, translation = cv2.solvePnP(_points().numpy(), pixels, camera.to_opencv()[0], None)
    assert found
    camera_from_world = torch.eye(4, dtype=torch.float64)
    camera_from_world[:3, :3] = torch.from_numpy(cv2.Rodrigues(rotation)[0])
    camera_from_world[:3, 3] = torch.from_numpy(translation[:, 0])
    torch.testing.assert_close(camera_from_world, invert(pose), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "matrix",
    [
        [[2000, 3, 200], [0, 1250, 150], [0, 0, 1]],
        [[2000, 0, 200], [0, -1250, 150], [0, 0, 1]],
        [[2000, 0, 200], [0, 1250, 150], [0, 0.1, 1]],
        [[0, 0, 200], [0, 1250, 150], [0, 0, 1]],
        [[2000, 0], [0, 1250]],
    ],
)
def test_a_matrix_that_is_no_flat_detector_is_refused(matrix):
    with pytest.raises(ValueError, match="a flat detector has"):
        Camera.from_opencv(matrix, (400, 300), 1000)


@pytest.mark.parametrize("camera", OFF_CENTRE)
def test_nanodrr_s_rays_arrive_at_their_pixels(camera):
    """nanodrr projects nothing; but its rays, from the source to each pixel, must land where we project them."""
    nanodrr = pytest.importorskip("nanodrr.drr")
    pose = carm_pose(25, -15, 700)
    theirs = nanodrr.DRR(**camera.to_nanodrr())
    on_rays = transform_points(pose, theirs.tgt[0] * torch.linspace(0.5, 1, theirs.tgt.shape[1])[:, None])
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in camera.shape)
    expected = torch.cartesian_prod(rows, columns).flip(-1)
    torch.testing.assert_close(camera.project(on_rays, pose), expected, atol=2e-3, rtol=0)
    back = Camera.from_nanodrr(**camera.to_nanodrr())
    assert (back.shape, back.mirrored) == (camera.shape, camera.mirrored)
    torch.testing.assert_close(back.project(_points(), pose), camera.project(_points(), pose), atol=2e-3, rtol=0)


def test_from_nanodrr_reads_a_c_arm_of_theirs():
    nanodrr = pytest.importorskip("nanodrr.drr")
    theirs = nanodrr.DRR.from_carm_intrinsics(1020.0, 0.7, 0.9, 13.0, -21.0, 200, 320)
    camera = Camera.from_nanodrr(k_inv=theirs.k_inv, sdd=theirs.sdd, height=theirs.height, width=theirs.width)
    assert not camera.mirrored
    assert camera.pixel_spacing == pytest.approx((0.9, 0.7))
    on_rays = theirs.tgt[0].double()
    pixels = camera.project(on_rays, torch.eye(4))
    torch.testing.assert_close(pixels[321], torch.tensor([1.0, 1.0], dtype=torch.float64), atol=2e-3, rtol=0)


@pytest.mark.parametrize("mirrored", [True, False])
def test_nanodrr_renders_a_bright_voxel_where_it_is_projected(mirrored):
    nanodrr = pytest.importorskip("nanodrr.drr")
    subject = pytest.importorskip("nanodrr.data").Subject
    density = torch.full((1, 24, 20, 16), -1000.0)
    density[0, 19, 4, 12] = 1000
    affine = torch.diag(torch.tensor([-2.0, 2, 2.5, 1])).numpy()
    affine[:3, 3] = [23, -19, -18]
    camera = Camera(1000, (0.6, 0.5), (120, 140), (75.5, 55.25), mirrored=mirrored)
    pose = carm_pose(30, 20, 700)
    volume = subject.from_images(torchio.ScalarImage(tensor=density, affine=affine))
    picture = nanodrr.DRR(**camera.to_nanodrr())(volume, pose[None].float())[0].sum(0).double()
    centroid = (
        torch.stack([(picture * torch.arange(140)).sum(), (picture.mT * torch.arange(120)).sum()]) / picture.sum()
    )
    centre = transform_points(torch.from_numpy(affine), torch.tensor([[19.0, 4, 12]], dtype=torch.float64))
    torch.testing.assert_close(centroid, camera.project(centre, pose)[0], atol=0.1, rtol=0)
