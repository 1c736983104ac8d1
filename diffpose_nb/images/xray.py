"""An X-ray: pixels together with their geometry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..camera import Camera, as_float64, make_transform

RELATIONSHIPS = ("LIN", "LOG", "DISP")


@dataclass(eq=False)
class XRay:
    """A projection X-ray: the detector's pixels, and the nominal positions of source and detector.

    Attributes
    ----------
    pixels
        (rows, columns) float32: the values after the modality LUT or rescale was applied.
    camera
        The detector and the source in front of it.
    world_from_camera
        (4, 4) float64: the nominal pose, from the header. The world has RAS axes in mm, and its origin is the C-arm's
        isocentre.
    relationship
        Meaning of a value (Pixel Intensity Relationship (0028,1040)). "LIN": it is proportional to the beam's
        intensity. "LOG": it is proportional to the logarithm of the intensity. "DISP": it was processed for display.
    sign
        Pixel Intensity Relationship Sign (0028,1041). +1: larger values mean more beam; -1: larger values mean less
        beam.
    notes
        One sentence for each assumption that was made.
    true_world_from_camera
        (4, 4) float64: the camera's true pose relative to the anatomy. Only simulated images have it, and it is not
        written to files.

    Raises
    ------
    ValueError
        Pixels, camera and poses do not fit together, or ``relationship`` or ``sign`` has an unknown value.
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
        r"""The line integral of attenuation along each ray, up to scale and offset. Bone is bright, and air is 0.

        LIN: the result is :math:`-\log(I / I_0)`, where :math:`I_0` is the brightest pixel. LOG: the pixels are
        logarithms already, so only the sign is changed where needed. DISP: the processing for display is not known, so
        the pixels are treated as LOG. Every assumption is added to ``notes``.

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
        """The X-ray cropped to ``pixels[top : top + rows, left : left + columns]``, with the camera of the crop."""
        camera = self.camera.crop(top, left, rows, columns)
        pixels = self.pixels[top : top + rows, left : left + columns].clone()
        return replace(self, pixels=pixels, camera=camera)

    def resize(self, rows: int, columns: int) -> XRay:
        """The same detector area in another number of pixels. A new pixel is the mean of the area that it covers."""
        camera = self.camera.resize(rows, columns)
        height, width = self.camera.shape
        pixels = _area_weights(height, rows) @ self.pixels.double() @ _area_weights(width, columns).T
        return replace(self, pixels=pixels.float(), camera=camera)

    def flip(self) -> XRay:
        """The image flipped left to right. The pose stays the same; the side from which it is seen changes.

        Pixels and camera turn together, so it is the same X-ray as before. An image that was mirrored in its file is
        not mended by this: see :func:`diffpose_nb.register.readings`.
        """
        return replace(self, pixels=self.pixels.flip(1), camera=self.camera.flip())

    def rot90(self, k: int = 1) -> XRay:
        r"""The image turned by k quarter turns counterclockwise, as :func:`numpy.rot90` does.

        In a quarter turn a pixel at (c, r) moves to (r, W - 1 - c), where W is the number of columns. The camera turns
        about its optical axis such that :math:`x' = s\,y,\ y' = -s\,x`, where :math:`s = \pm 1` is the sign of K[0, 0].
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
    """Matrix (new, old) float64: the share of each old pixel in each new pixel, along one side. Rows sum to 1."""
    edges = torch.arange(new + 1, dtype=torch.float64)[:, None] * old / new
    pixel = torch.arange(old, dtype=torch.float64)
    overlap = torch.minimum(edges[1:], pixel + 1) - torch.maximum(edges[:-1], pixel)
    return overlap.clamp(min=0) * new / old
