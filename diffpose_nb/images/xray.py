"""An X-ray: pixels that never travel without their geometry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..camera import Camera, as_float64, make_transform

RELATIONSHIPS = ("LIN", "LOG", "DISP")


@dataclass(eq=False)
class XRay:
    """A projection X-ray: what the detector saw, and where source and detector nominally were.

    Attributes
    ----------
    pixels
        (rows, columns) float32: values after the modality LUT or rescale.
    camera
        The detector and the source in front of it.
    world_from_camera
        (4, 4) float64: the nominal pose, from the header. World: RAS, mm, the C-arm's isocentre at the origin.
    relationship
        What a value is (Pixel Intensity Relationship (0028,1040)): "LIN", proportional to the beam's intensity;
        "LOG", to its logarithm; "DISP", processed for display.
    sign
        +1: larger values mean more beam (Pixel Intensity Relationship Sign (0028,1041)); -1: less.
    notes
        Everything that was assumed, one sentence each.
    true_world_from_camera
        (4, 4) float64: where the camera really was, relative to the anatomy. Only of simulated images; in no file.

    Raises
    ------
    ValueError
        Pixels, camera and poses do not fit together.
    """

    pixels: Tensor
    camera: Camera
    world_from_camera: Tensor
    relationship: str = "LIN"
    sign: int = 1
    notes: list[str] = field(default_factory=list)
    true_world_from_camera: Tensor | None = None

    def __post_init__(self) -> None:
        self.pixels = torch.as_tensor(self.pixels, dtype=torch.float32)
        if tuple(self.pixels.shape) != self.camera.shape:
            raise ValueError(f"pixels are {tuple(self.pixels.shape)}, the camera's shape is {self.camera.shape}")
        self.world_from_camera = as_float64(self.world_from_camera)
        if self.true_world_from_camera is not None:
            self.true_world_from_camera = as_float64(self.true_world_from_camera)
        for name, pose in [("world", self.world_from_camera), ("true_world", self.true_world_from_camera)]:
            if pose is not None and tuple(pose.shape) != (4, 4):
                raise ValueError(f"{name}_from_camera is {tuple(pose.shape)}: an X-ray has one pose, (4, 4)")
        if self.relationship not in RELATIONSHIPS:
            raise ValueError(f"relationship is {self.relationship!r}: it is LIN, LOG or DISP")
        if self.sign not in (1, -1):
            raise ValueError(f"sign is {self.sign!r}: it is 1 or -1")
        self.notes = list(self.notes)

    def attenuation(self) -> Tensor:
        r"""The line integral of attenuation along each ray, up to scale and offset: bone bright, air 0.

        LIN: :math:`-\log(I / I_0)` with :math:`I_0` the brightest pixel. LOG: the logarithm is in the pixels already;
        only the sign is turned. DISP: what was done for display is not known; taken as LOG. What was assumed is
        added to ``notes``.

        Returns
        -------
        Tensor
            (rows, columns) float32, at least 0.
        """
        if self.relationship == "LIN":
            beam = self.pixels if self.sign > 0 else self.pixels.max() + self.pixels.min() - self.pixels
            if self.sign < 0:
                self._note("Attenuation: larger pixels mean less beam: turned over between their extremes first.")
            open_field = beam.max().clamp(min=torch.finfo(torch.float32).tiny)
            self._note("Attenuation: the brightest pixel is taken as the unattenuated beam.")
            dark = beam <= 0
            if dark.any():
                floor = beam[~dark].min() if not dark.all() else open_field
                self._note("Attenuation: pixels of 0 and below have no logarithm; taken as the smallest above.")
                beam = torch.where(dark, floor, beam)
            return -torch.log(beam / open_field)
        if self.relationship == "DISP":
            self._note(
                "Attenuation: the pixels are display values (DISP), processed in a way that the file does not tell; "
                "taken as proportional to the logarithm of the beam."
            )
        else:
            self._note("Attenuation: the pixels are logarithms (LOG) already; only the sign is turned.")
        return self.pixels.max() - self.pixels if self.sign > 0 else self.pixels - self.pixels.min()

    def crop(self, top: int, left: int, rows: int, columns: int) -> XRay:
        """The X-ray of ``pixels[top : top + rows, left : left + columns]``."""
        camera = self.camera.crop(top, left, rows, columns)
        pixels = self.pixels[top : top + rows, left : left + columns].clone()
        return replace(self, pixels=pixels, camera=camera)

    def resize(self, rows: int, columns: int) -> XRay:
        """The same detector area in another number of pixels, each the mean of the area that it covers."""
        camera = self.camera.resize(rows, columns)
        height, width = self.camera.shape
        pixels = _area_weights(height, rows) @ self.pixels.double() @ _area_weights(width, columns).T
        return replace(self, pixels=pixels.float(), camera=camera)

    def flip(self) -> XRay:
        """The image turned over left to right: the pose stays, the side that it is seen from changes."""
        return replace(self, pixels=self.pixels.flip(1), camera=self.camera.flip())

    def rot90(self, k: int = 1) -> XRay:
        r"""The image turned by k quarter turns counterclockwise, as :func:`numpy.rot90` does.

        A pixel at (c, r) moves to (r, W - 1 - c). With :math:`s = \pm 1` the sign of K[0, 0], the camera turns about
        its optical axis such that :math:`x' = s\,y,\ y' = -s\,x`.
        """
        turned = self
        for _ in range(k % 4):
            turned = turned._quarter_turn()
        return turned if turned is not self else replace(self, pixels=self.pixels.clone())

    def _quarter_turn(self) -> XRay:
        (rows, columns), (row_spacing, column_spacing), (column, row) = (
            self.camera.shape,
            self.camera.pixel_spacing,
            self.camera.principal_point,
        )
        camera = replace(
            self.camera,
            shape=(columns, rows),
            pixel_spacing=(column_spacing, row_spacing),
            principal_point=(row, columns - 1 - column),
        )
        s = -1.0 if self.camera.mirrored else 1.0
        old_from_new = make_transform(
            torch.tensor([[0.0, -s, 0.0], [s, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64), torch.zeros(3)
        )
        true = self.true_world_from_camera
        return replace(
            self,
            pixels=torch.rot90(self.pixels),
            camera=camera,
            world_from_camera=self.world_from_camera @ old_from_new,
            true_world_from_camera=None if true is None else true @ old_from_new,
        )

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)


def _area_weights(old: int, new: int) -> Tensor:
    """(new, old) float64: the share of each old pixel in each new one, along one side; rows sum to 1."""
    edges = torch.arange(new + 1, dtype=torch.float64)[:, None] * old / new
    pixel = torch.arange(old, dtype=torch.float64)
    overlap = torch.minimum(edges[1:], pixel + 1) - torch.maximum(edges[:-1], pixel)
    return overlap.clamp(min=0) * new / old
