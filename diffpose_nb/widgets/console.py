"""A C-arm to play with: sliders, the DRR that follows them, and the C-arm in space."""

from __future__ import annotations

import os
from collections.abc import Callable
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
from .newest import Newest
from .steps import Step, stepper

MOVING, RESTING = 128, 256
"""Pixels a side of the DRR, while a slider moves and after."""
FIELD = 400.0  # mm: a large flat detector
_SHOWN = 400  # pixels a side on the page
_COARSE = 2.0  # mm: voxels finer than this are averaged while a slider moves; a pixel then sees as much
_SCENE = 540  # pixels a side that the scene is drawn in


@dataclass(frozen=True)
class View:
    """Where a C-arm stands.

    Parameters
    ----------
    primary, secondary
        Positioner angles, degrees.
    sid, sod
        mm.
    left, head
        The isocentre, mm from the middle of the CT towards the patient's left and head.
    """

    primary: float = 20.0
    secondary: float = 10.0
    sid: float = 1020.0
    sod: float = 700.0
    left: float = 0.0
    head: float = 0.0

    @property
    def isocenter(self) -> tuple[float, float, float]:
        """World mm."""
        return (-self.left, 0.0, self.head)

    def camera(self, pixels: int) -> Camera:
        """A square detector of :data:`FIELD` mm."""
        return Camera(self.sid, (FIELD / pixels, FIELD / pixels), (pixels, pixels))

    def pose(self) -> Tensor:
        """(4, 4) world_from_camera."""
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
"""Field of :class:`View` → (description, least, most, step)."""
STILLS: tuple[View, ...] = (
    *(View(primary, 0) for primary in (-60, -30, 0, 30, 60)),
    *(View(0, secondary) for secondary in (-30, 30)),
    *(View(0, 0, sod=sod) for sod in (560, 840)),
)
"""What the static form shows: a swing, a tilt, and the patient nearer to the source and further from it."""


def carm_console(subject: torchio.Subject, mesh: pv.PolyData | None = None, *, view: View | None = None) -> CArm | HTML:
    """A C-arm with a slider for each of its numbers, the DRR that it sees, and where it stands.

    The DRR follows a slider within a tenth of a second on two cores: coarse while it moves, fine when it rests. The
    scene is drawn when it rests. Sliders also obey the arrow keys.

    Parameters
    ----------
    subject
        Of :mod:`diffpose_nb.ct`.
    mesh
        The patient of the scene, world mm; default :func:`diffpose_nb.scenes.bones.example`, the example CT's.
    view
        Where to begin; default LAO 20°, CRA 10°.

    Returns
    -------
    CArm | IPython.display.HTML
        Pictures of :data:`STILLS` to leaf through, without a kernel, where the environment variable
        ``DIFFPOSE_NB_STATIC`` is 1, as while the book is built.
    """
    mesh = bones.example() if mesh is None else mesh
    if os.environ.get(STATIC) == "1":
        return _stills(subject, mesh)
    return CArm(subject, mesh, View() if view is None else view)


class CArm(ipywidgets.HBox):
    """Sliders and two pictures, made by :func:`carm_console`.

    Attributes
    ----------
    sliders
        By field of :class:`View`.
    drr, scene
        ``ipywidgets.Image``.
    """

    def __init__(self, subject: torchio.Subject, mesh: pv.PolyData, view: View) -> None:
        self._coarse = _renderers(subject, voxel=_COARSE, step=2.5)
        self._fine = _renderers(subject)
        self._mesh = mesh
        wide = {"style": {"description_width": "165px"}, "layout": {"width": "390px"}}
        self.sliders = {
            name: ipywidgets.FloatSlider(
                value, description=text, min=low, max=high, step=step, readout_format=".0f", **wide
            )
            for (name, value), (text, low, high, step) in zip(asdict(view).items(), SLIDERS.values(), strict=True)
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
        """Of the sliders as they are."""
        return View(**{name: slider.value for name, slider in self.sliders.items()})

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
    """A DRR with letters at its edges, which tell which way the patient lies."""
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
    """The C-arm round the patient. A scene has its isocentre at the origin: the patient moves, as the table would."""
    camera, still = view.camera(MOVING), replace(view, left=0.0, head=0.0)
    xray = XRay(renderers(camera)(view.pose())[0, 0], camera, still.pose())
    moved = mesh.translate(-np.array(view.isocenter), inplace=False)
    plotter = scenes.carm(xray, moved, tags=False, size=(_SCENE, _SCENE))
    return PIL.Image.open(BytesIO(scenes.png(plotter, alt="").data)).convert("RGB")


def _stills(subject: torchio.Subject, mesh: pv.PolyData) -> HTML:
    renderers, steps = _renderers(subject), []
    for view in STILLS:
        camera, pose = view.camera(RESTING), view.pose()
        picture = PIL.Image.new("RGB", (2 * _SHOWN, _SHOWN), "white")
        picture.paste(_picture(renderers(camera)(pose)[0, 0], camera, pose), (0, 0))
        picture.paste(_scene(renderers, mesh, view).resize((_SHOWN, _SHOWN)), (_SHOWN, 0))
        alt = f"{view}: the DRR, and beside it the C-arm round the bones of the patient"
        steps.append(Step(str(view), np.asarray(picture) / 255, alt))
    return stepper(steps, label="view")
