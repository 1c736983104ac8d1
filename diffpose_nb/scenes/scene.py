"""3D scenes: the C-arm of an X-ray around the bones of a CT, in world mm.

The patient lies on a table with the front up, as in the operating room. The C-arm is drawn in blue. What the X-ray's
header says about it is drawn in orange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pyvista as pv
from IPython.display import Image
from matplotlib.figure import Figure

from .. import frames, plots
from ..dicom.geometry.orientation import implied_orientation
from ..images import XRay
from ..plots import BLUE, ORANGE
from . import bones
from .callouts import add_callouts
from .shapes import add_arrow, add_line, add_sector
from .stage import UP, aim, detector, on_detector, placement, quiet_vtk, trim
from .stage import still as _still

FROM_THE_FEET = (-0.75, 0.6, -1.0)
"""World direction from the patient to a viewer who stands at the feet, on the patient's left, and sees from above."""
_AXES = {"L": (-1.0, 0.0, 0.0), "P": (0.0, -1.0, 0.0), "H": (0.0, 0.0, 1.0)}
"""Directions left, posterior and head, which are DICOM's patient axes, in the axes of the world (RAS)."""
_PANEL = plots.WIDTH / 3  # inches
_column = 0.265  # width of each margin with labels, as a fraction of the picture's width
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
    """The C-arm of an X-ray around a patient, as a 3D scene.

    It shows the source, the beam, the detector with the image on it, the isocentre and the patient's axes.

    Parameters
    ----------
    xray
        An X-ray with the nominal pose, as :func:`diffpose_nb.dicom.read_xray` gives it, so that the isocentre is the
        origin of the world.
    mesh
        The patient, world mm; by default the bones of the example CT, :func:`diffpose_nb.scenes.bones.example`.
    tags
        Also draw distances, angles and image axes, labelled with the DICOM tags that hold them.
    viewpoint
        World direction from the patient to the viewer.
    size
        (width, height) of the picture, pixels.
    keep_in_view
        (N, 3) further points that have to be within the picture, world mm. Scenes that share such points have the same
        scale.

    Returns
    -------
    pyvista.Plotter
        A plotter without a window. :func:`png` makes a picture of it.
    """
    mesh = bones.example() if mesh is None else mesh
    with quiet_vtk():
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
    project = aim(plotter, np.concatenate(seen), viewpoint, room=size[0] - 2 * column)
    if tags:
        anchors = project(np.array(list(labels.values())))
        add_callouts(plotter, list(labels), anchors, font=round(size[0] / 54), column=column)
    plotter.enable_anti_aliasing("msaa", multi_samples=8)
    return plotter


def png(plotter: pv.Plotter, alt: str, width: int | None = None) -> Image:
    """A still picture of a scene for a notebook. The plotter is closed.

    Parameters
    ----------
    plotter
        The scene, for example from :func:`carm`.
    alt
        A sentence that says what the picture shows, for readers who cannot see it.
    width
        Width on the page, pixels. The default is half the width of the scene, so that screens with two dots per pixel
        show it sharply.
    """
    width = plotter.window_size[0] // 2 if width is None else width
    buffer = BytesIO()
    PIL.Image.fromarray(_still(plotter)).save(buffer, "png", optimize=True)
    return Image(buffer.getvalue(), format="png", width=width, alt=alt)


def views(xrays: Mapping[str, XRay], mesh: pv.PolyData | None = None, **kwargs: object) -> Figure:
    """Scenes of several X-rays side by side at the same scale, each above its X-ray.

    Letters at the edges of an X-ray say which way the patient lies.

    Parameters
    ----------
    xrays
        Title → X-ray.
    mesh
        The patient, as for :func:`carm`.
    kwargs
        Passed to :func:`carm` for every scene.
    """
    mesh = bones.example() if mesh is None else mesh
    everywhere = np.vstack([np.vstack([placement(xray)[0], detector(xray)[0].points]) for xray in xrays.values()])
    settings = {"tags": False, "size": (800, 800), "keep_in_view": everywhere} | kwargs
    stills = trim([_still(carm(xray, mesh, **settings)) for xray in xrays.values()])
    height, width = stills[0].shape[:2]
    figure, axes = plt.subplots(
        2,
        len(xrays),
        figsize=(_PANEL * len(xrays), 0.3 + _PANEL * (1 + height / width)),
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


def _draw_patient(plotter: pv.Plotter, mesh: pv.PolyData) -> np.ndarray:
    """Draw bones, the table below them, and the patient's axes from the isocentre; return points to keep in view."""
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
    """Draw source, beam, central ray, isocentre and detector; return points to keep in view."""
    source, _, _ = placement(xray)
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
    principal = on_detector(xray, [xray.camera.principal_point])[0]
    add_line(plotter, [source, principal], ORANGE, 3)
    plotter.add_mesh(pv.Sphere(radius=10), color=ORANGE)
    return np.vstack([source, corners])


def _draw_tags(plotter: pv.Plotter, xray: XRay) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Draw the distances, angles and axes that the header gives, where they are in space.

    Returns the labels with the points that they name, and points to keep in view.
    """
    source, axes, sod = placement(xray)
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

    # what d would be at a secondary angle of 0
    level = np.array([np.sin(np.deg2rad(-primary)), np.cos(np.deg2rad(primary)), 0.0])
    radius = 0.72 * (sid - sod)
    labels[f"Positioner Primary Angle\n(0018,1510): {primary:.4g}°"] = add_sector(plotter, UP, level, radius)
    labels[f"Positioner Secondary Angle\n(0018,1511): {secondary:.4g}°"] = add_sector(plotter, level, d, radius)

    first, last = on_detector(xray, [[-0.5, -0.5], [columns - 0.5, rows - 0.5]])
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
