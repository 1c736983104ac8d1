"""A C-arm with sliders: they move it, and its DRR and a 3D scene follow."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from io import BytesIO

import ipywidgets
import numpy as np
import PIL.ImageDraw
import pyvista as pv
import torchio
from IPython.display import HTML
from torch import Tensor

from .. import frames, plots, scenes
from ..camera import Camera
from ..images import XRay
from ..render import Renderer
from ..scenes import bones
from ..scenes.server import STATIC
from . import element
from .newest import Newest
from .steps import Step, stepper

MOVING, RESTING = 128, 256
"""Pixels along a side of the DRR while a slider moves, and after it has come to rest."""
FIELD = 400.0  # side of the detector, mm: that of a large flat detector
_SHOWN = 400  # side of the pictures on the page, pixels
_COARSE = 2.0  # mm: finer voxels are averaged while a slider moves; a pixel of the DRR then covers about as much
_SCENE = 540  # side of the scene as it is drawn, pixels


@dataclass(frozen=True)
class View:
    """The position of a C-arm.

    Parameters
    ----------
    primary, secondary
        Positioner angles, degrees.
    sid, sod
        Distances from the source to the detector and to the isocentre, mm.
    left, head
        Where the isocentre is: its distances from the middle of the CT towards the patient's left and head, mm.
    """

    primary: float = 20.0
    secondary: float = 10.0
    sid: float = 1020.0
    sod: float = 700.0
    left: float = 0.0
    head: float = 0.0

    @property
    def isocenter(self) -> tuple[float, float, float]:
        """The isocentre as a point (x, y, z), world mm."""
        return (-self.left, 0.0, self.head)

    def camera(self, pixels: int) -> Camera:
        """A camera whose square detector has ``pixels`` × ``pixels`` pixels and a side of :data:`FIELD` mm."""
        return Camera(self.sid, (FIELD / pixels, FIELD / pixels), (pixels, pixels))

    def pose(self) -> Tensor:
        """The pose ``world_from_camera`` (4, 4)."""
        return frames.carm_pose(self.primary, self.secondary, self.sod, isocenter=self.isocenter)

    def __str__(self) -> str:
        swing = f"{'LAO' if self.primary >= 0 else 'RAO'} {abs(self.primary):g}°"
        tilt = f"{'CRA' if self.secondary >= 0 else 'CAU'} {abs(self.secondary):g}°"
        magnified = f"magnified {self.sid / self.sod:.2f} times at the isocentre"
        return f"{swing}, {tilt}; SID {self.sid:g} mm, SOD {self.sod:g} mm, {magnified}"


SLIDERS: dict[str, tuple[str, float, float, float]] = {
    "primary": ("primary, ° (+ LAO)", -120, 120, 1),
    "secondary": ("secondary, ° (+ CRA)", -45, 45, 1),
    "sid": ("SID, mm", 900, 1300, 10),
    "sod": ("SOD, mm", 500, 850, 10),
    "left": ("isocentre to left, mm", -100, 100, 5),
    "head": ("isocentre to head, mm", -120, 120, 5),
}
"""Field of :class:`View` → (description, lowest value, highest value, step) of its slider."""
STILLS: tuple[View, ...] = (
    *(View(primary, 0) for primary in (-60, -30, 0, 30, 60)),
    *(View(0, secondary) for secondary in (-30, 30)),
    *(View(0, 0, sod=sod) for sod in (560, 840)),
    *(View(0, 0, sid=sid) for sid in (920, 1280)),
)
"""What is shown without a kernel and without WebGL2: views at several primary and secondary angles, with the patient
nearer to the source and further from it, and with the detector nearer and further."""
_ANGLES = {"frontal": {"primary": 0, "secondary": 0}, "lateral": {"primary": 90, "secondary": 0}}


def carm_console(
    subject: torchio.Subject,
    mesh: pv.PolyData | None = None,
    *,
    view: View | None = None,
    sliders: Sequence[str] = tuple(SLIDERS),
) -> CArm | HTML:
    """A C-arm with a slider for each field of :class:`View`, its DRR, and a 3D scene that shows where it is.

    While a slider moves, a coarse DRR follows it within a tenth of a second on two cores. When the slider rests, a fine
    DRR and the scene are drawn. Sliders can also be moved with the arrow keys.

    Parameters
    ----------
    subject
        A CT, as :mod:`diffpose_nb.ct` reads it.
    mesh
        The patient in the scene, world mm; by default the bones of the example CT,
        :func:`diffpose_nb.scenes.bones.example`.
    view
        The first view; by default LAO 20°, CRA 10°.
    sliders
        Names of the fields of :class:`View` that get a slider. The others keep their value.

    Returns
    -------
    CArm | IPython.display.HTML
        The sliders and pictures, which need a kernel. If the environment variable ``DIFFPOSE_NB_STATIC`` is 1, as while
        the book is built, it is HTML. For the example CT the reader's graphics card renders a small copy of it while
        the sliders move. For another CT, and in a browser without WebGL2, the reader steps through a few pictures that
        were made in advance.

    Raises
    ------
    ValueError
        A name in ``sliders`` is no field of :class:`View`, or there is none.
    """
    if not sliders or not set(sliders) <= set(SLIDERS):
        raise ValueError(f"sliders are {tuple(sliders)}: they can be some of {', '.join(SLIDERS)}")
    mesh, view = bones.example() if mesh is None else mesh, View() if view is None else view
    if os.environ.get(STATIC) == "1":
        return _in_a_page(subject, mesh, view, sliders)
    return CArm(subject, mesh, view, sliders)


class CArm(ipywidgets.HBox):
    """Sliders and two pictures, made by :func:`carm_console`.

    Attributes
    ----------
    sliders
        Field of :class:`View` → its slider.
    drr, scene
        The two pictures, each an ``ipywidgets.Image``.
    """

    def __init__(
        self, subject: torchio.Subject, mesh: pv.PolyData, view: View, sliders: Sequence[str] = tuple(SLIDERS)
    ) -> None:
        self._start = view
        self._coarse = _renderers(subject, voxel=_COARSE, step=2.5)
        self._fine = _renderers(subject)
        self._mesh = mesh
        wide = {"style": {"description_width": "165px"}, "layout": {"width": "390px"}}
        self.sliders = {
            name: ipywidgets.FloatSlider(
                asdict(view)[name], description=text, min=low, max=high, step=step, readout_format=".0f", **wide
            )
            for name, (text, low, high, step) in SLIDERS.items()
            if name in sliders
        }
        self.drr = ipywidgets.Image(format="jpeg", width=_SHOWN, height=_SHOWN)
        self.scene = ipywidgets.Image(format="png", width=_SHOWN - 40, height=_SHOWN - 40)
        self._text = ipywidgets.HTML(layout={"width": f"{_SHOWN}px"})
        self._draw(self._fine, RESTING)
        self._draw_scene()
        jobs = (
            Newest(lambda: self._draw(self._coarse, MOVING), 0.01),
            Newest(lambda: self._draw(self._fine, RESTING), 0.25, rest=True),
            Newest(self._draw_scene, 0.6, rest=True),
        )
        for slider in self.sliders.values():
            slider.observe(lambda _: [job.request() for job in jobs], "value")
        super().__init__(
            [
                ipywidgets.VBox([self.drr, self._text]),
                ipywidgets.VBox([*self.sliders.values(), self.scene], layout={"align_items": "center"}),
            ],
            layout={"flex_flow": "row wrap"},
        )

    @property
    def view(self) -> View:
        """The view that the sliders are at now."""
        return replace(self._start, **{name: slider.value for name, slider in self.sliders.items()})

    def _draw(self, renderers: Renderers, pixels: int) -> None:
        view = self.view
        camera, pose = view.camera(pixels), view.pose()
        buffer = BytesIO()
        _picture(renderers(camera)(pose)[0, 0], camera, pose).save(buffer, "jpeg", quality=90)
        self.drr.value = buffer.getvalue()
        self._text.value = str(view)

    def _draw_scene(self) -> None:
        buffer = BytesIO()
        _scene(self._coarse, self._mesh, self.view).save(buffer, "png")
        self.scene.value = buffer.getvalue()


Renderers = Callable[[Camera], Renderer]


def _renderers(subject: torchio.Subject, **options: float) -> Renderers:
    return lambda camera: Renderer(subject, camera, **options)


def _picture(drr: Tensor, camera: Camera, pose: Tensor) -> PIL.Image.Image:
    """A DRR as a picture, with letters at its edges that say which way the patient lies."""
    values = drr.numpy()
    low, high = np.quantile(values, (0.005, 0.995))
    grey = (255 * np.clip((values - low) / max(high - low, 1e-12), 0, 1)).astype(np.uint8)
    picture = PIL.Image.fromarray(grey).resize((_SHOWN, _SHOWN), PIL.Image.Resampling.BILINEAR)
    draw, middle, rim = PIL.ImageDraw.Draw(picture), _SHOWN / 2, 16
    right, down = pose[:3, 0] * (-1 if camera.mirrored else 1), pose[:3, 1]
    far = _SHOWN - rim
    for direction, place in (
        (-right, (rim, middle)), (right, (far, middle)), (-down, (middle, rim)), (down, (middle, far)),
    ):  # fmt: skip
        style = {"anchor": "mm", "fill": 255, "stroke_width": 2, "stroke_fill": 0, "font_size": 18}
        draw.text(place, plots.orientation(direction), **style)
    return picture


def _scene(renderers: Renderers, mesh: pv.PolyData, view: View) -> PIL.Image.Image:
    """The C-arm around the patient.

    A scene has its isocentre at the origin. So the patient is moved instead, as the table would move it.
    """
    camera, still = view.camera(MOVING), replace(view, left=0.0, head=0.0)
    xray = XRay(renderers(camera)(view.pose())[0, 0], camera, still.pose())
    moved = mesh.translate(-np.array(view.isocenter), inplace=False)
    plotter = scenes.carm(xray, moved, tags=False, size=(_SCENE, _SCENE))
    return PIL.Image.open(BytesIO(scenes.png(plotter, alt="").data)).convert("RGB")


def _in_a_page(subject: torchio.Subject, mesh: pv.PolyData, view: View, sliders: Sequence[str]) -> HTML:
    """The C-arm without a kernel: alive for the CT that the book has a small copy of, else stills."""
    frontal = asdict(View(0, 0))
    reachable = [
        still
        for still in STILLS
        if all(value == frontal[name] for name, value in asdict(still).items() if name not in sliders)
    ]
    if not element.is_in_the_book(subject):
        return _stills(subject, mesh, reachable)
    # Most readers see no still, and all load them: one, where the console is a small one.
    still = _stills(subject, mesh, STILLS if len(sliders) == len(SLIDERS) else [view])
    bars = [(name, *SLIDERS[name]) for name in SLIDERS if name in sliders]
    views = _ANGLES if "primary" in sliders else None
    return HTML(element.carm(still.data, bars, asdict(view), field=FIELD, views=views))


def _stills(subject: torchio.Subject, mesh: pv.PolyData, views: Sequence[View]) -> HTML:
    """Views that the reader steps through."""
    renderers, steps = _renderers(subject), []
    for view in views:
        camera, pose = view.camera(RESTING), view.pose()
        picture = PIL.Image.new("RGB", (2 * _SHOWN, _SHOWN), "white")
        picture.paste(_picture(renderers(camera)(pose)[0, 0], camera, pose), (0, 0))
        picture.paste(_scene(renderers, mesh, view).resize((_SHOWN, _SHOWN)), (_SHOWN, 0))
        alt = f"{view}: the DRR, and beside it the C-arm round the bones of the patient"
        steps.append(Step(str(view), np.asarray(picture) / 255, alt))
    return stepper(steps, label="view")
