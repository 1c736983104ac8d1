"""3D scenes: the C-arm of an X-ray around the bones of a CT, in world mm.

The patient lies on the table, as in the operating room: the front is up. Blue is what the C-arm is, orange what the
header says about it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pyvista as pv
from IPython.display import Image
from matplotlib.figure import Figure
from vtkmodules.vtkCommonCore import vtkLogger

from . import bones, frames, plots
from ._callouts import add_callouts
from ._shapes import add_arrow, add_line, add_sector
from .dicom import XRay
from .dicom.orientation import implied_orientation
from .plots import BLUE, ORANGE

FROM_THE_FEET = (-0.75, 0.6, -1.0)
"""World direction from the patient to the viewer: at the feet, on the patient's left, a little above the table."""

_AXES = {"L": (-1.0, 0.0, 0.0), "P": (0.0, -1.0, 0.0), "H": (0.0, 0.0, 1.0)}
"""DICOM's patient axes (LPS) in the world's (RAS)."""

_UP = np.array([0.0, 1.0, 0.0])
_view_angle = 16.0  # degrees: a long lens, under which parallels look parallel
_column = 0.265  # of the picture's width: each margin with labels
_bone, _dark = "#E8DFC8", "#333333"


def carm(
    xray: XRay,
    mesh: pv.PolyData | None = None,
    *,
    tags: bool = True,
    viewpoint: Sequence[float] = FROM_THE_FEET,
    size: tuple[int, int] = (1400, 900),
    keep_in_view: np.ndarray | None = None,
) -> pv.Plotter:
    """The C-arm of an X-ray: source, beam, detector with the image on it, isocentre, patient axes, angles, distances.

    Parameters
    ----------
    xray
        With a nominal pose, as :func:`dicom.read_xray` gives it: the isocentre is the world's origin.
    mesh
        The patient, world mm; default :func:`bones.example`, the example CT's.
    tags
        Dimension lines, angles and image axes, labelled with the DICOM tags that hold them.
    viewpoint
        World direction from the patient to the viewer.
    size
        (width, height) of the picture, pixels.
    keep_in_view
        (N, 3) more points that the picture has room for, world mm; scenes that share them have the same scale.

    Returns
    -------
    pyvista.Plotter
        Off-screen, with everything in view. :func:`png` makes a picture of it.
    """
    mesh = bones.example() if mesh is None else mesh
    with _quiet_vtk():
        plotter = pv.Plotter(off_screen=True, window_size=list(size), lighting="three lights")
    plotter.set_background("white")
    seen = [_draw_patient(plotter, mesh), _draw_carm(plotter, xray)]
    if keep_in_view is not None:
        seen.append(keep_in_view)
    labels: dict[str, np.ndarray] = {}
    if tags:
        labels, ends = _draw_tags(plotter, xray)
        seen.append(ends)
    column = round(_column * size[0]) if tags else 0
    project = _aim(plotter, np.concatenate(seen), viewpoint, room=size[0] - 2 * column)
    if tags:
        anchors = project(np.array(list(labels.values())))
        add_callouts(plotter, list(labels), anchors, font=round(size[0] / 54), column=column)
    plotter.enable_anti_aliasing("msaa", multi_samples=8)
    return plotter


def png(plotter: pv.Plotter, alt: str, width: int | None = None) -> Image:
    """A still of a scene for a notebook; the plotter is closed.

    Parameters
    ----------
    alt
        A sentence that says what the picture shows, for those who do not see it.
    width
        On the page, in pixels; default half the scene's, which is sharp on every screen.
    """
    width = plotter.window_size[0] // 2 if width is None else width
    buffer = BytesIO()
    PIL.Image.fromarray(_still(plotter)).save(buffer, "png", optimize=True)
    return Image(buffer.getvalue(), format="png", width=width, alt=alt)


def views(xrays: Mapping[str, XRay], mesh: pv.PolyData | None = None, **kwargs: object) -> Figure:
    """Scenes by title, all of one scale, each above its image as it is read.

    ``kwargs`` as for :func:`carm`.
    """
    mesh = bones.example() if mesh is None else mesh
    everywhere = np.vstack([np.vstack([_place(xray)[0], detector(xray)[0].points]) for xray in xrays.values()])
    settings = {"tags": False, "size": (800, 800), "keep_in_view": everywhere} | kwargs
    stills = _trim([_still(carm(xray, mesh, **settings)) for xray in xrays.values()])
    height, width = stills[0].shape[:2]
    figure, axes = plt.subplots(
        2,
        len(xrays),
        figsize=(2.7 * len(xrays), 2.9 + 2.6 * height / width),
        height_ratios=(height / width, 1),
        layout="constrained",
        squeeze=False,
    )
    for (above, below), still, (title, xray) in zip(axes.T, stills, xrays.items(), strict=True):
        above.imshow(still)
        above.set_title(title)
        above.set_axis_off()
        plots.picture(xray.pixels, xray.camera, below, world_from_camera=xray.world_from_camera).set_axis_off()
    return figure


def detector(xray: XRay) -> tuple[pv.PolyData, pv.Texture]:
    """The detector as a rectangle in world mm, and the X-ray as its texture.

    The rectangle reaches to the edges of the outermost pixels, half a spacing beyond their centres.
    """
    rows, columns = xray.camera.shape
    corners = [[-0.5, rows - 0.5], [columns - 0.5, rows - 0.5], [columns - 0.5, -0.5], [-0.5, -0.5]]
    rectangle = pv.PolyData(_on_detector(xray, corners), faces=[4, 0, 1, 2, 3])
    # a texture's origin is at the bottom left; pyvista.Texture puts an array's first row at the top
    rectangle.active_texture_coordinates = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
    values = xray.pixels.numpy()
    low, high = np.quantile(values, (0.005, 0.995))
    grey = (255 * np.clip((values - low) / max(high - low, 1e-12), 0, 1)).astype(np.uint8)
    return rectangle, pv.Texture(np.repeat(grey[..., None], 3, axis=-1))


def _draw_patient(plotter: pv.Plotter, mesh: pv.PolyData) -> np.ndarray:
    """Bones, the table under them, the patient's axes from the isocentre; returns points to keep in view."""
    plotter.add_mesh(mesh, color=_bone, smooth_shading=True, specular=0.15)
    left, right, back, _, feet, head = mesh.bounds
    table = pv.Box((left - 60, right + 60, back - 45, back - 30, feet - 60, head + 60))
    plotter.add_mesh(table, color="#8899AA", opacity=0.22)
    tips = []
    for letter, direction in _AXES.items():
        axis = np.array(direction)
        reach = float((mesh.points @ axis).max()) + 90
        arrow = pv.Arrow(
            start=(0, 0, 0), direction=axis, tip_length=0.1, tip_radius=0.03, shaft_radius=0.009, scale=reach
        )
        plotter.add_mesh(arrow, color=_dark)
        tips.append((reach + 25) * axis)
        plotter.add_point_labels(
            tips[-1][None],
            [letter],
            font_size=max(round(plotter.window_size[1] / 30), 36),
            bold=True,
            show_points=False,
            always_visible=True,
            shape=None,
            justification_horizontal="center",
            justification_vertical="center",
        )
    return np.vstack([mesh.points, tips])


def _draw_carm(plotter: pv.Plotter, xray: XRay) -> np.ndarray:
    """Source, beam, central ray, isocentre and detector; returns points to keep in view."""
    source, _, _ = _place(xray)
    rectangle, texture = detector(xray)
    corners = np.asarray(rectangle.points)
    plotter.add_mesh(rectangle, texture=texture, lighting=False)
    add_line(plotter, [*corners, corners[0]], BLUE, 5)
    for corner in corners:
        add_line(plotter, [source, corner], BLUE, 1.5)
    beam = pv.PolyData(
        np.vstack([source, corners]), faces=[v for k in range(4) for v in (3, 0, 1 + k, 1 + (k + 1) % 4)]
    )
    plotter.add_mesh(beam, color=BLUE, opacity=0.07, lighting=False)
    plotter.add_mesh(pv.Sphere(radius=18, center=source), color=BLUE)
    principal = _on_detector(xray, [xray.camera.principal_point])[0]
    add_line(plotter, [source, principal], ORANGE, 3)
    plotter.add_mesh(pv.Sphere(radius=10), color=ORANGE)
    return np.vstack([source, corners])


def _draw_tags(plotter: pv.Plotter, xray: XRay) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What the header says, where it lives; returns labels with what they point at, and points to keep in view."""
    source, axes, sod = _place(xray)
    u, v, d = -axes[:, 0], axes[:, 1], axes[:, 2]
    sid, (rows, columns), (row_mm, column_mm) = xray.camera.sid, xray.camera.shape, xray.camera.pixel_spacing
    primary, secondary, _ = (round(angle.item(), 6) + 0.0 for angle in frames.carm_angles(xray.world_from_camera))
    orientation = implied_orientation(xray.world_from_camera)
    labels, ends = {"source": source, "isocentre: in no tag": np.zeros(3)}, []

    aside = (-u if u @ _AXES["L"] > 0 else u) * columns * column_mm / 2  # dimension lines on the patient's right
    for name, length, offset, place in (
        (f"Distance Source to Patient\n(0018,1111): {sod:g} mm", sod, 1.3, 0.5),
        (f"Distance Source to Detector\n(0018,1110): {sid:g} mm", sid, 1.7, 0.75),
    ):
        start, end = source + offset * aside, source + offset * aside + length * d
        add_line(plotter, [source, start], "grey", 1.5)
        add_line(plotter, [source + length * d, end], "grey", 1.5)
        add_arrow(plotter, (start + end) / 2, start)
        add_arrow(plotter, (start + end) / 2, end)
        labels[name] = start + place * (end - start)
        ends += [start, end]

    level = np.array([np.sin(np.deg2rad(-primary)), np.cos(np.deg2rad(primary)), 0.0])  # d, were the secondary angle 0
    radius = 0.72 * (sid - sod)
    labels[f"Positioner Primary Angle\n(0018,1510): {primary:.4g}°"] = add_sector(plotter, _UP, level, radius)
    labels[f"Positioner Secondary Angle\n(0018,1511): {secondary:.4g}°"] = add_sector(plotter, level, d, radius)

    first, last = _on_detector(xray, [[-0.5, -0.5], [columns - 0.5, rows - 0.5]])
    for step, across, length, name, letters in (
        (u, v, columns * column_mm, f"Columns (0028,0011): {columns}", f"first: {orientation[0]}"),
        (v, u, rows * row_mm, f"Rows (0028,0010): {rows}", f"second: {orientation[1]}"),
    ):
        start = first - 22 * across
        add_arrow(plotter, start, start + length * step)
        labels[f"{name}\nPatient Orientation\n(0020,0020), {letters}"] = start + 0.6 * length * step
        ends += [start, start + length * step]
    labels[f"Imager Pixel Spacing\n(0018,1164): {row_mm:g} × {column_mm:g} mm"] = last
    return labels, np.array(ends)


def _place(xray: XRay) -> tuple[np.ndarray, np.ndarray, float]:
    """Source (3,), the camera's axes (3, 3) in its columns, and SOD: world mm."""
    pose = xray.world_from_camera.numpy()
    return pose[:3, 3], pose[:3, :3], float(-pose[:3, 3] @ pose[:3, 2])


def _on_detector(xray: XRay, pixels: Sequence[Sequence[float]]) -> np.ndarray:
    """(N, 3) world mm of pixels (column, row)."""
    in_camera = xray.camera.detector_points(frames.as_float64(pixels))
    return frames.transform_points(xray.world_from_camera, in_camera).numpy()


def _aim(
    plotter: pv.Plotter, points: np.ndarray, viewpoint: Sequence[float], room: float
) -> Callable[[np.ndarray], np.ndarray]:
    """Place the viewer so that all points are within the middle ``room`` pixels of the picture, and fill them.

    Returns
    -------
    Callable
        Points (N, 3), world mm, to pixels (N, 2) from the picture's bottom left.
    """
    towards = np.array(viewpoint, float) / np.linalg.norm(viewpoint)
    up = _UP if abs(towards @ _UP) < 0.99 else np.array([0.0, 0.0, 1.0])
    right = np.cross(up, towards) / np.linalg.norm(np.cross(up, towards))
    axes = np.stack([right, np.cross(towards, right), towards], axis=1)
    width, height = plotter.window_size
    slope = np.tan(np.deg2rad(_view_angle / 2)) * 0.96  # a rim
    flat = points @ axes
    middle = (flat.min(0) + flat.max(0)) / 2
    x, y, depth = (flat - middle).T
    distance = (np.maximum(np.abs(x) * height / room, np.abs(y)) / slope + depth).max()
    plotter.camera.view_angle = _view_angle
    plotter.camera.focal_point = axes @ middle
    plotter.camera.position = axes @ middle + distance * towards
    plotter.camera.up = axes[:, 1]
    plotter.reset_camera_clipping_range()

    def project(points: np.ndarray) -> np.ndarray:
        x, y, depth = (points @ axes - middle).T
        scale = height / 2 / np.tan(np.deg2rad(_view_angle / 2)) / (distance - depth)
        return np.stack([width / 2 + scale * x, height / 2 + scale * y], axis=1)

    return project


def _still(plotter: pv.Plotter) -> np.ndarray:
    with _quiet_vtk():
        image = plotter.screenshot(return_img=True)
    plotter.close()
    return image


def _trim(stills: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The same part of each still: that which is not white in any of them, and a little more."""
    drawn = np.any([still.min(-1) < 250 for still in stills], axis=0)
    rows, columns = (np.flatnonzero(drawn.any(axis)) for axis in (1, 0))
    window = tuple(slice(max(place[0] - 8, 0), place[-1] + 9) for place in (rows, columns))
    return [still[window] for still in stills]


@contextlib.contextmanager
def _quiet_vtk() -> Iterator[None]:
    """Without a display VTK tries X first, complains on stderr, and goes on without; nobody needs to read that."""
    before = vtkLogger.GetCurrentVerbosityCutoff()
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)
    try:
        yield
    finally:
        vtkLogger.SetStderrVerbosity(before)
