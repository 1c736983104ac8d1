"""Conversions against the other programs themselves: the same points, projected by them and by us, to 1e-3 pixel."""

from functools import partial

import numpy as np
import pytest
import pyvista
import torch
import torchio
from diffdrr.data import read
from diffdrr.drr import DRR
from diffdrr.pose import convert
from views import random_view

from diffpose_nb import frames
from diffpose_nb.camera import Camera

agree = partial(torch.testing.assert_close, atol=1e-3, rtol=0)
same = partial(torch.testing.assert_close, atol=1e-6, rtol=0)


def _same_view(found, expected, points, atol=1e-6):
    (camera, pose), (expected_camera, expected_pose) = found, expected
    torch.testing.assert_close(pose, expected_pose, atol=atol, rtol=0)
    assert (camera.shape, camera.mirrored) == (expected_camera.shape, expected_camera.mirrored)
    assert camera.sid == pytest.approx(expected_camera.sid)
    torch.testing.assert_close(
        camera.project(points, pose), expected_camera.project(points, expected_pose), atol=atol, rtol=0
    )


def _drr(orientation, arguments):
    image = torchio.ScalarImage(tensor=torch.rand(1, 3, 4, 5), affine=np.eye(4))
    return DRR(read(image, orientation=orientation), **arguments).double()


def _diffdrr_projects(drr, pose, points):
    """DiffDRR's own projection, in float64; it counts pixel edges."""
    return drr.perspective_projection(pose, points[None])[0] - 0.5


def _double(pose):
    pose.matrix = pose.matrix.double()
    return pose


@pytest.mark.parametrize("orientation", [None, "AP", "PA"])
def test_diffdrr(view, letter, orientation):
    camera, pose = view
    drr = _drr(orientation, camera.to_diffdrr())
    theirs = frames.to_diffdrr(pose[None], orientation)
    agree(_diffdrr_projects(drr, _double(theirs), letter), camera.project(letter, pose))


@pytest.mark.parametrize("reverse_x_axis", [True, False])
@pytest.mark.parametrize("orientation", [None, "AP", "PA"])
def test_from_diffdrr(seed, letter, orientation, reverse_x_axis):
    """A pose in DiffDRR's own words, whatever the subject and the detector were told."""
    random = torch.Generator().manual_seed(seed)
    angles, shift = 0.6 * torch.randn(1, 3, generator=random), 30 * torch.randn(1, 3, generator=random)
    toward = {None: [0.0, 0, -700], "AP": [0.0, 700, 0], "PA": [0.0, -700, 0]}[orientation]
    pose = convert(angles, shift + torch.tensor([toward]), parameterization="euler_angles", convention="ZXY")
    arguments = {"sdd": 1020.0, "height": 100, "width": 130, "delx": 0.7, "dely": 0.9, "x0": 13.0, "y0": -21.0}
    arguments["reverse_x_axis"] = reverse_x_axis
    ours = frames.from_diffdrr(pose, orientation)[0]
    camera = Camera.from_diffdrr(**arguments)
    theirs = _diffdrr_projects(_drr(orientation, arguments), _double(pose), letter)
    agree(camera.project(letter, ours), theirs)
    assert ours[:3, :3].det().item() == pytest.approx(-1 if orientation == "PA" else 1, abs=1e-5)
    if orientation == "PA":
        camera, ours = frames.exchange_mirror(camera, ours)
        assert ours[:3, :3].det().item() == pytest.approx(1, abs=1e-5)
        agree(camera.project(letter, ours), theirs)


def test_a_mirror_exchanged_makes_a_pa_pose_proper(view, letter):
    camera, pose = view
    camera_of_reflection, reflection = frames.exchange_mirror(camera, pose)
    theirs = _double(frames.to_diffdrr(reflection[None], "PA"))
    assert theirs.matrix[0, :3, :3].det().item() == pytest.approx(1, abs=1e-5)
    drr = _drr("PA", camera_of_reflection.to_diffdrr())
    agree(_diffdrr_projects(drr, theirs, letter), camera.project(letter, pose))


def test_opencv(view, letter):
    cv2 = pytest.importorskip("cv2")
    camera, pose = view
    rvec, tvec = frames.to_opencv(pose)
    k, size = camera.to_opencv()
    theirs = cv2.projectPoints(letter.numpy(), rvec, tvec, k, None)[0][:, 0]
    agree(torch.from_numpy(theirs), camera.project(letter, pose))
    same(frames.from_opencv(rvec, tvec), pose)
    same(frames.from_opencv(cv2.Rodrigues(rvec)[0], tvec[:, None]), pose)
    assert Camera.from_opencv(torch.from_numpy(k), size, camera.sid).mirrored == camera.mirrored


@pytest.mark.parametrize("orientation", [None, "AP", "PA"])
def test_nanodrr(seed, letter, orientation):
    """Its angles, its intrinsics, its rays: the points on the ray of a pixel are projected to that pixel."""
    nanodrr = pytest.importorskip("nanodrr.drr")
    make_rt_inv = pytest.importorskip("nanodrr.camera").make_rt_inv
    random = torch.Generator().manual_seed(seed)
    isocenter = 200 * torch.randn(3, generator=random)
    angles, shift = 40 * torch.randn(1, 3, generator=random), 30 * torch.randn(1, 3, generator=random)
    toward = {None: [0.0, 0, -700], "AP": [0.0, 700, 0], "PA": [0.0, -700, 0]}[orientation]
    rt_inv = make_rt_inv(angles.double(), (shift + torch.tensor([toward])).double(), orientation, isocenter.double())
    theirs = nanodrr.DRR.from_carm_intrinsics(1020.0, 0.7, 0.9, 13.0, -21.0, 50, 70, dtype=torch.float64)
    camera = Camera.from_nanodrr(k_inv=theirs.k_inv, sdd=theirs.sdd, height=theirs.height, width=theirs.width)
    pose = frames.from_nanodrr(rt_inv, isocenter)[0]
    on_rays = frames.transform_points(rt_inv[0], theirs.tgt[0] * torch.linspace(0.4, 1, 3500)[:, None]) - isocenter
    rows, columns = torch.arange(50.0).double(), torch.arange(70.0).double()
    agree(camera.project(on_rays, pose), torch.cartesian_prod(rows, columns).flip(-1))
    assert pose[:3, :3].det().item() == pytest.approx(-1 if orientation == "PA" else 1)
    same(frames.to_nanodrr(pose, isocenter).double(), rt_inv, atol=1e-3)


def test_nanodrr_leaves_a_volume_where_its_file_puts_it():
    nanodrr = pytest.importorskip("nanodrr.drr")
    density = torch.full((1, 24, 20, 16), -1000.0)
    density[0, 19, 4, 12] = 1000
    affine = np.array([[-2.0, 0, 0, 130], [0, 2, 0, -70], [0, 0, 2.5, 410], [0, 0, 0, 1]])
    image = torchio.ScalarImage(tensor=density, affine=affine)
    subject = pytest.importorskip("nanodrr.data").Subject.from_images(image)
    camera, pose = Camera(1000, (0.6, 0.5), (120, 140), (75.5, 55.25)), frames.carm_pose(30, 20, 700)
    picture = nanodrr.DRR(**camera.to_nanodrr())(subject, frames.to_nanodrr(pose, subject.isocenter))[0].sum(0)
    found = torch.stack([(picture * torch.arange(140)).sum(), (picture.mT * torch.arange(120)).sum()]) / picture.sum()
    centred = read(torchio.ScalarImage(tensor=torch.rand(density.shape), affine=affine), orientation=None)
    world_from_voxel = torch.from_numpy(centred.volume.affine)  # DiffDRR, and we, put its centre at the origin
    point = frames.transform_points(world_from_voxel, torch.tensor([[19.0, 4, 12]]))
    torch.testing.assert_close(found.double(), camera.project(point, pose)[0], atol=0.1, rtol=0)


def _pyvista(view):
    camera = pyvista.Camera()
    camera.position, camera.focal_point, camera.up, camera.view_angle = view[:4]
    camera.SetWindowCenter(*view.window_center)
    return camera


def _vtk_projects(view, shape, points):
    """(column, row) by the projection matrix of a ``vtkCamera``, for a window of this shape."""
    rows, columns = shape
    matrix = pyvista.array_from_vtkmatrix(_pyvista(view).GetCompositeProjectionTransformMatrix(columns / rows, -1, 1))
    homogeneous = np.c_[points, np.ones(len(points))] @ matrix.T
    x, y = (homogeneous[:, :2] / homogeneous[:, 3:]).T
    return torch.from_numpy(np.stack([(x + 1) / 2 * columns - 0.5, (1 - y) / 2 * rows - 0.5], -1))


def test_vtk(seed, letter):
    camera, pose = random_view(seed, square=True)
    seen = _vtk_projects(frames.to_vtk(camera, pose), camera.shape, letter)
    if camera.mirrored:
        seen[:, 0] = camera.shape[1] - 1 - seen[:, 0]
    agree(seen, camera.project(letter, pose))
    back = frames.from_vtk(frames.to_vtk(camera, pose), camera.shape)
    _same_view(back, (camera.flip() if camera.mirrored else camera, pose), letter)


def test_vtk_keeps_oblong_pixels_in_a_window_of_the_detector_s_proportions(view, letter):
    camera, pose = view
    (rows, columns), (row_spacing, column_spacing) = camera.shape, camera.pixel_spacing
    wide = (rows, columns * column_spacing / row_spacing)
    seen = _vtk_projects(frames.to_vtk(camera, pose), wide, letter)
    seen[:, 0] = (seen[:, 0] + 0.5) * columns / wide[1] - 0.5
    expected = camera.flip() if camera.mirrored else camera
    agree(seen, expected.project(letter, pose))


def test_vtk_draws_a_sphere_where_it_is_projected():
    """Not the matrix, but the picture: PyVista's renderer, off screen."""
    camera, pose = random_view(3, mirrored=False, square=True)
    rows, columns = camera.shape
    pixel = torch.tensor([[0.3 * columns, 0.7 * rows]])
    point = frames.transform_points(pose, 0.6 * camera.detector_points(pixel))[0].tolist()
    plotter = pyvista.Plotter(off_screen=True, window_size=(columns, rows))
    plotter.background_color = "black"
    plotter.add_mesh(pyvista.Sphere(radius=4, center=point), color="white", lighting=False)
    plotter.camera = _pyvista(frames.to_vtk(camera, pose))
    plotter.renderer.ResetCameraClippingRange()
    rows, columns = np.nonzero(plotter.screenshot(return_img=True)[..., 0] > 127)
    plotter.close()
    assert len(rows) > 20
    assert [columns.mean(), rows.mean()] == pytest.approx(pixel[0].tolist(), abs=0.6)


def test_a_vtk_camera_without_an_up_is_refused():
    view = frames.VTKCamera((0, 0, 0), (0, 0, 5), (0, 0, 1), 30, (0, 0))
    with pytest.raises(ValueError, match="no direction of up"):
        frames.from_vtk(view, (10, 10))
