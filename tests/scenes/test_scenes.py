import base64
import json
import re
import zipfile
from io import BytesIO

import numpy as np
import pytest
import pyvista as pv
import torch
import torchio
from vtkmodules.vtkRenderingCore import vtkTextActor

from diffpose_nb import ct, data, dicom, frames, scenes
from diffpose_nb.camera import Camera
from diffpose_nb.commands import mesh as make_mesh
from diffpose_nb.scenes import bones, scene, sequence
from diffpose_nb.scenes.callouts import _spread

SOD = 700.0
BALL = pv.Sphere(radius=20)
VIEWS = [(0, 0), (90, 0), (-45, 0), (20, 10), (0, -30), (180, 0), (0, 90)]


def make_xray(primary=20.0, secondary=10.0, pixels=None, principal_point=None):
    pixels = torch.rand(40, 60, generator=torch.Generator().manual_seed(0)) if pixels is None else pixels
    camera = Camera(1020.0, (6.0, 4.0), tuple(pixels.shape), principal_point)
    return dicom.XRay(pixels, camera, frames.carm_pose(primary, secondary, SOD))


def on_detector(xray, pixels):
    points = xray.camera.detector_points(torch.tensor(pixels))
    return frames.transform_points(xray.world_from_camera, points).numpy()


def on_screen(plotter, points):
    """VTK's own projection: pixels from the bottom left."""
    places = []
    for point in points:
        plotter.renderer.SetWorldPoint(*point, 1.0)
        plotter.renderer.WorldToDisplay()
        places.append(plotter.renderer.GetDisplayPoint()[:2])
    return np.array(places)


def labels_of(plotter):
    return [actor for actor in plotter.renderer.actors.values() if isinstance(actor, vtkTextActor)]


@pytest.mark.parametrize("angles", VIEWS)
def test_the_texture_lies_where_the_pixels_are(angles):
    """Corner pixels, and one in between, have the texture coordinates of the world points that the camera gives."""
    xray = make_xray(*angles, principal_point=(20.0, 25.0))
    rectangle, _ = scenes.detector(xray)
    rows, columns = xray.camera.shape
    bottom_left, bottom_right, _, top_left = np.asarray(rectangle.points)
    assert np.allclose(rectangle.active_texture_coordinates, [[0, 0], [1, 0], [1, 1], [0, 1]])
    for column, row in [(0, 0), (columns - 1, 0), (0, rows - 1), (columns - 1, rows - 1), (7, 31)]:
        across, up = (column + 0.5) / columns, 1 - (row + 0.5) / rows
        place = bottom_left + across * (bottom_right - bottom_left) + up * (top_left - bottom_left)
        assert np.allclose(place, on_detector(xray, [[column, row]])[0], atol=1e-2)


@pytest.mark.parametrize("side", [1, -1], ids=["from the detector", "from the source"])
@pytest.mark.parametrize("angles", [(20, 10), (90, 0), (0, -30)])
def test_the_picture_shows_each_pixel_at_its_place(angles, side):
    """Bright corners of different sizes, looked up in the rendered picture where VTK projects their world points."""
    pixels = torch.zeros(40, 60)
    blocks = {(5, 4): 9, (53, 5): 7, (4, 35): 5}  # (column, row) of the centre: size; the fourth corner stays dark
    for (column, row), n in blocks.items():
        pixels[row - n // 2 : row + n // 2 + 1, column - n // 2 : column + n // 2 + 1] = 1
    xray = make_xray(*angles, pixels)
    axis = xray.world_from_camera[:3, 2].numpy()
    plotter = scenes.carm(xray, BALL, tags=False, viewpoint=side * axis + 0.2 * xray.world_from_camera[:3, 1].numpy())
    bright, dark = on_detector(xray, list(blocks)), on_detector(xray, [[55, 35], [5, 20], [16, 4]])
    places = on_screen(plotter, [*bright, *dark]).round().astype(int)
    image = plotter.screenshot(return_img=True)
    patches = [image[image.shape[0] - 1 - y - 2 :, x - 2 :][:5, :5] for x, y in places]
    grey = np.array([np.median(patch) for patch in patches])  # lines of the scene may cross
    plotter.close()
    assert (grey[:3] > 170).all() and (grey[3:] < 60).all(), grey  # the beam tints what is behind it


@pytest.mark.parametrize("viewpoint", [scenes.FROM_THE_FEET, (-1, 0.2, 0), (0, 1, 0)])
@pytest.mark.parametrize("angles", VIEWS)
def test_everything_is_in_view_and_no_label_covers_another(angles, viewpoint):
    xray = make_xray(*angles)
    plotter = scenes.carm(xray, BALL, viewpoint=viewpoint)
    source = xray.world_from_camera[:3, 3].numpy()
    places = on_screen(plotter, [source, *scenes.detector(xray)[0].points])
    size = np.array(plotter.window_size)
    assert (places >= 0).all() and (places <= size).all()

    plotter.render()
    boxes = []
    for actor in labels_of(plotter):
        box = [0.0] * 4
        actor.GetBoundingBox(plotter.renderer, box)
        left, right, bottom, top = np.array(box) + np.repeat(actor.GetActualPositionCoordinate().GetValue()[:2], 2)
        assert 0 <= left < right <= size[0] and 0 <= bottom < top <= size[1], actor.GetInput()
        boxes.append((left, right, bottom, top))
    plotter.close()
    assert len(boxes) == 9
    for n, a in enumerate(boxes):
        for b in boxes[:n]:
            assert a[1] < b[0] or b[1] < a[0] or a[3] <= b[2] or b[3] <= a[2]


def test_labels_say_what_the_header_says():
    plotter = scenes.carm(dicom.read_xray(data.EXAMPLE_XRAY), BALL)
    text = "\n".join(actor.GetInput() for actor in labels_of(plotter))
    plotter.close()
    header = dicom.describe(data.EXAMPLE_XRAY).set_index("tag")
    for tag in (
        "Distance Source to Detector",
        "Distance Source to Patient",
        "Positioner Primary Angle",
        "Positioner Secondary Angle",
        "Imager Pixel Spacing",
        "Rows",
        "Columns",
        "Patient Orientation",
    ):
        assert tag in text and header.number[tag] in text
    for value in ("1020 mm", "700 mm", "20°", "10°", "0.97 × 0.97 mm", "LP", "FAL"):
        assert value in text


def test_a_label_points_at_what_it_names():
    """Its line ends where VTK projects the thing."""
    xray = make_xray()
    plotter = scenes.carm(xray, BALL)
    source = on_screen(plotter, [xray.world_from_camera[:3, 3].numpy()])[0]
    ends = [
        actor.GetMapper().GetInput().GetPoint(1)[:2]
        for actor in plotter.renderer.actors.values()
        if type(actor).__name__ == "vtkActor2D" and actor.GetMapper().IsA("vtkPolyDataMapper2D")
    ]
    plotter.close()
    assert len(ends) == 9
    assert np.linalg.norm(np.array(ends) - source, axis=1).min() < 2


def test_labels_keep_their_order_and_their_distance():
    wanted, heights = np.array([100.0, 105.0, 900.0, 990.0, 50.0]), np.full(5, 100.0)
    placed = _spread(wanted, heights, 1000.0)
    assert (np.argsort(placed) == np.argsort(wanted)).all()
    assert (np.diff(np.sort(placed)) >= 100 - 1e-9).all()
    assert placed.min() >= 50 and placed.max() <= 950


def test_png(capfd):
    image = scenes.png(scenes.carm(make_xray(), BALL, size=(600, 400)), "a C-arm")
    assert image.data.startswith(b"\x89PNG") and image.alt == "a C-arm" and image.width == 300
    assert capfd.readouterr().err == "", "VTK's complaint that there is no display"


def test_views_have_one_scale(monkeypatch):
    """The patient stays where it is in the picture, wherever the C-arm goes."""
    places, still = [], scene._still

    def record(plotter):
        places.append(on_screen(plotter, 100 * np.eye(3)))
        return still(plotter)

    monkeypatch.setattr(scene, "_still", record)
    figure = scenes.views({"front": make_xray(0, 0), "left": make_xray(90, 0)}, BALL)
    assert [ax.get_title() for ax in figure.axes[:2]] == ["front", "left"]
    assert len(figure.axes) == 4
    assert np.ptp(places[0]) > 50 and np.allclose(*places, atol=0.5)


def test_a_page_of_a_scene_asks_for_nothing(capfd):
    """What can be loaded is not from the web; the bones are thinned out, and every step has its still."""
    dense = pv.Sphere(radius=100, theta_resolution=150, phi_resolution=150)
    page = scenes.interactive([make_xray(0, 0), make_xray(30, 20)], dense, size=200)
    assert not re.findall(r"kitware\.github\.io/vtk-js/icon|<script[^>]+src|<link|@import", page)
    assert page.count("OfflineLocalView.load(") == 2
    settings = json.loads(re.search(r"const settings = (\{.*\});", page).group(1))
    assert len(settings["steps"]) == len(settings["stills"]) == 2
    assert len(page) < 2_500_000
    packed = zipfile.ZipFile(BytesIO(base64.b64decode(settings["scene"])))
    index = json.loads(packed.read("index.json"))
    actors = [d for d in index["scene"]["dependencies"][0]["dependencies"] if "Actor" in d["type"]]
    assert len(actors) == settings["actors"], "the numbers of actors are their order in the file"
    assert capfd.readouterr().err == ""


def test_interactive_draws_the_camera_s_axes(monkeypatch):
    """From the source, along the columns of the pose."""
    arrows = []
    arrow = sequence._Stage.arrow
    monkeypatch.setattr(
        sequence._Stage,
        "arrow",
        lambda self, start, end, *rest: (arrows.append((start, end, rest[1])), arrow(self, start, end, *rest))[1],
    )
    xray = make_xray(20, 10)
    scenes.interactive([xray], BALL, size=100)
    pose = xray.world_from_camera.numpy()
    for (start, end, letter), axis in zip(arrows[-3:], pose[:3, :3].T, strict=True):
        assert letter in "xyz" and np.allclose(start, pose[:3, 3])
        assert np.allclose((end - start) / np.linalg.norm(end - start), axis)
    assert [letter for *_, letter in arrows[:3]] == ["L", "P", "H"]
    for (_, end, _), direction in zip(arrows[:3], [(-1, 0, 0), (0, -1, 0), (0, 0, 1)], strict=True):
        assert np.allclose(end / np.linalg.norm(end), direction)


def test_a_scene_s_page_names_what_it_shows():
    """The parts of each step's C-arm, and of all steps; the scene around is in the patient's axes."""
    page = scenes.interactive([make_xray(0, 0), make_xray(30, 20)], BALL, size=100)
    settings = json.loads(re.search(r"const settings = (\{.*\});", page).group(1))
    steps = {}
    for label in settings["labels"]:
        steps.setdefault(label["text"], []).append(label["step"])
    assert steps["source"] == steps["detector"] == steps["x"] == steps["z"] == [0, 1]
    assert steps["table"] == steps["L"] == steps["H"] == [None]
    source = next(label for label in settings["labels"] if label["text"] == "source" and label["step"] == 1)
    assert np.allclose(source["point"], make_xray(30, 20).world_from_camera[:3, 3], atol=0.06)
    for towards, up in settings["views"].values():
        assert np.dot(towards, up) == 0
    frontal, lateral, feet = settings["views"].values()
    assert frontal[0] == [0, 1, 0] and lateral[0] == [-1, 0, 0] and feet[0] == [0, 0, -1], "RAS"


def make_ct(hounsfield, affine):
    return torchio.Subject(volume=torchio.ScalarImage(tensor=hounsfield[None], affine=affine), mask=None)


def test_a_ball_of_bone_keeps_its_place_and_size():
    """Anisotropic voxels, an axis that runs the other way, and a speck that is too small to keep."""
    affine = np.array([[-0.7, 0, 0, 50], [0, 0.7, 0, -40], [0, 0, 2.5, -60], [0, 0, 0, 1]])
    shape = (150, 120, 50)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) @ affine[:3, :3].T + affine[:3, 3]
    centre, radius = np.array([-10.0, 5.0, 7.0]), 25.0
    hounsfield = np.where(np.linalg.norm(grid - centre, axis=-1) < radius, 500, 0).astype(np.float32)
    hounsfield[3:5, 3:5, 3] = 3000
    mesh = bones.surface(make_ct(torch.from_numpy(hounsfield), affine), triangles=3000)
    assert np.allclose(mesh.points.mean(0), centre, atol=1)
    distances = np.linalg.norm(mesh.points - centre, axis=1)
    assert abs(distances.mean() - radius) < 0.5 and np.ptp(distances) < 3
    assert 2000 < mesh.n_cells < 3100


def test_no_bone_is_refused():
    with pytest.raises(ct.CTError, match="250 HU"):
        bones.surface(make_ct(torch.full((20, 20, 20), 40.0), np.eye(4)))


def test_the_mesh_that_ships_lies_on_the_example_ct(example):
    """Within 4 mm of nearly every point is both a bone's label and something else."""
    mesh = bones.example()
    assert 20_000 < mesh.n_cells < 30_000
    assert bones.EXAMPLE_BONES.stat().st_size < 1_200_000
    structures = example.structures
    labels = structures.id[structures.group.isin(bones.GROUPS)]
    bone = np.isin(example.mask.data[0].numpy().astype(int), labels)
    voxel_from_world = np.linalg.inv(example.mask.affine)
    steps = np.stack(np.meshgrid(*[np.linspace(-4, 4, 5)] * 3), -1).reshape(-1, 3)
    around = (mesh.points[::20, None] + steps) @ voxel_from_world[:3, :3].T + voxel_from_world[:3, 3]
    index = np.clip(around.round().astype(int), 0, np.array(bone.shape) - 1)
    found = bone[tuple(np.moveaxis(index, -1, 0))]
    assert (found.any(1) & ~found.all(1)).mean() > 0.99


def test_a_mesh_survives_its_file(tmp_path, monkeypatch):
    mesh = bones.surface(make_ct(torch.nn.functional.pad(torch.full((20, 20, 20), 900.0), (5,) * 6), np.eye(4)))
    monkeypatch.setattr(bones, "EXAMPLE_BONES", tmp_path / "bones.npz")
    bones.save(mesh, bones.EXAMPLE_BONES)
    again = bones.example()
    assert np.allclose(again.points, mesh.points, atol=0.006)
    assert np.array_equal(again.regular_faces, mesh.regular_faces)


def test_a_mesh_too_large_for_its_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="centre the CT"):
        bones.save(pv.Sphere(radius=500), tmp_path / "bones.npz")
    assert not list(tmp_path.iterdir())


def test_the_command_makes_the_mesh_that_ships(example, tmp_path, monkeypatch):
    monkeypatch.setattr(make_mesh.ct, "example", lambda: example)
    make_mesh.main(tmp_path / "bones.npz")
    with np.load(tmp_path / "bones.npz") as made, np.load(bones.EXAMPLE_BONES) as shipped:
        assert abs(len(made["triangles"]) - len(shipped["triangles"])) < 500
        assert np.allclose(made["points"].mean(0), shipped["points"].mean(0), atol=50)  # hundredths of a mm
