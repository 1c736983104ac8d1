"""The intrinsics of a camera: which pixel of the detector a ray hits, whatever the pose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from .rigid import as_float64, invert, transform_points


@dataclass(frozen=True)
class Camera:
    r"""A flat X-ray detector and the source in front of it.

    .. math:: K = \begin{bmatrix} \mp\mathrm{SID}/\Delta_{col} & 0 & c_0\\ 0 & \mathrm{SID}/\Delta_{row} & r_0\\
              0 & 0 & 1\end{bmatrix}

    :math:`\Delta` is the pixel spacing, and :math:`(c_0, r_0)` is the principal point. The sign of K[0, 0] is negative
    for a mirrored image. Pixel centres have integer coordinates, counted from 0. A point is given as (column, row), a
    shape as (rows, columns).

    Parameters
    ----------
    sid
        Distance from the source to the detector (image receptor), mm.
    pixel_spacing
        (row spacing, column spacing) at the detector, mm: the order of DICOM's Imager Pixel Spacing.
    shape
        (rows, columns) of the image.
    principal_point
        (column, row) where the ray perpendicular to the detector arrives. Default: the centre of the image.
    mirrored
        True: the image is seen from the detector's side, by a viewer who faces the patient. DICOM stores images like
        this; K[0, 0] is negative. False: the image is seen from the source, and K is OpenCV's.
    """

    sid: float
    pixel_spacing: tuple[float, float]
    shape: tuple[int, int]
    principal_point: tuple[float, float] | None = None
    mirrored: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        rows, columns = (int(n) for n in self.shape)
        row_spacing, column_spacing = (float(mm) for mm in self.pixel_spacing)
        for name, value in [("sid", self.sid), ("row spacing", row_spacing), ("column spacing", column_spacing)]:
            if not 0 < float(value) < float("inf"):
                raise ValueError(f"{name} is {value}: a camera needs a positive number of mm")
        if rows < 1 or columns < 1:
            raise ValueError(f"shape is {self.shape}: a camera needs at least one row and one column")
        centre = ((columns - 1) / 2, (rows - 1) / 2)
        column, row = self.principal_point if self.principal_point is not None else centre
        fields = {
            "sid": float(self.sid),
            "pixel_spacing": (row_spacing, column_spacing),
            "shape": (rows, columns),
            "principal_point": (float(column), float(row)),
            "mirrored": bool(self.mirrored),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def K(self) -> Tensor:  # noqa: N802 - K is the usual symbol of this matrix
        """Matrix (3, 3) float64 that maps camera coordinates (mm) to homogeneous (column, row)."""
        (row_spacing, column_spacing), (column, row) = self.pixel_spacing, self.principal_point
        sign = -1.0 if self.mirrored else 1.0
        return torch.tensor(
            [[sign * self.sid / column_spacing, 0.0, column], [0.0, self.sid / row_spacing, row], [0.0, 0.0, 1.0]],
            dtype=torch.float64,
        )

    def project(self, points: Tensor, world_from_camera: Tensor) -> Tensor:
        """Project world points (N, 3), in mm, to (column, row) (..., N, 2) under poses (..., 4, 4).

        Points beside or behind the source raise no error. A point in the plane through the source that is parallel to
        the detector gives infinite coordinates; a point behind that plane gives mirrored ones.
        """
        homogeneous = transform_points(invert(as_float64(world_from_camera)), points) @ self.K.mT
        return homogeneous[..., :2] / homogeneous[..., 2:]

    def detector_points(self, pixels: Tensor | None = None, intrinsics: Tensor | None = None) -> Tensor:
        """The positions of pixels on the detector, in camera coordinates, mm.

        Parameters
        ----------
        pixels
            (N, 2) pixels as (column, row). Default: every pixel centre, row by row.
        intrinsics
            (3, 3) matrix that replaces :attr:`K`. Gradients flow through it.

        Returns
        -------
        Tensor
            (N, 3) float64. The last coordinate of every point is the SID.
        """
        if pixels is None:
            rows, columns = (torch.arange(n, dtype=torch.float64) for n in self.shape)
            pixels = torch.cartesian_prod(rows, columns).flip(-1)
        homogeneous = torch.nn.functional.pad(as_float64(pixels), (0, 1), value=1.0)
        matrix = self.K if intrinsics is None else as_float64(intrinsics)
        return self.sid * homogeneous @ torch.linalg.inv(matrix).mT

    def rays(self, world_from_camera: Tensor, pixels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The ray of every pixel: its start, which is the source, and its end on the detector.

        Parameters
        ----------
        world_from_camera
            (..., 4, 4) pose of the camera.
        pixels
            (N, 2) pixels as (column, row). Default: all pixels, row by row.

        Returns
        -------
        (Tensor, Tensor)
            The starts and the ends, (..., N, 3) each, in world coordinates, mm.
        """
        pose = as_float64(world_from_camera)
        ends = transform_points(pose, self.detector_points(pixels))
        return pose[..., None, :3, 3].expand_as(ends), ends

    def crop(self, top: int, left: int, rows: int, columns: int) -> Camera:
        """The camera that belongs to the cropped image ``image[top : top + rows, left : left + columns]``."""
        height, width = self.shape
        if not (0 <= top < top + rows <= height and 0 <= left < left + columns <= width):
            raise ValueError(
                f"a crop of {rows} x {columns} pixels from row {top}, column {left} leaves the {height} x {width} image"
            )
        column, row = self.principal_point
        return replace(self, shape=(rows, columns), principal_point=(column - left, row - top))

    def resize(self, rows: int, columns: int) -> Camera:
        """The camera of the same detector area, divided into another number of pixels.

        The edges of the image stay in place, so a column ``c`` becomes ``c' = (c + 1/2) W'/W - 1/2``, where W is the
        old and W' the new width. The same holds for rows and heights.
        """
        (height, width), (row_spacing, column_spacing), (column, row) = (
            self.shape,
            self.pixel_spacing,
            self.principal_point,
        )
        return replace(
            self,
            shape=(rows, columns),
            pixel_spacing=(row_spacing * height / rows, column_spacing * width / columns),
            principal_point=((column + 0.5) * columns / width - 0.5, (row + 0.5) * rows / height - 0.5),
        )

    def flip(self) -> Camera:
        """The camera of the image flipped left to right.

        The pose stays the same; the side from which the image is seen changes.
        """
        column, row = self.principal_point
        return replace(self, principal_point=(self.shape[1] - 1 - column, row), mirrored=not self.mirrored)

    @classmethod
    def from_diffdrr(
        cls,
        *,
        sdd: float,
        height: int,
        delx: float,
        width: int | None = None,
        dely: float | None = None,
        x0: float = 0.0,
        y0: float = 0.0,
        reverse_x_axis: bool = True,
    ) -> Camera:
        """The camera of a ``diffdrr.drr.DRR`` that has these arguments.

        Convert its poses with :func:`diffpose_nb.frames.from_diffdrr`.

        The defaults are DiffDRR's. ``Camera.from_diffdrr(**camera.to_diffdrr())`` equals ``camera``.
        """
        width, dely = width or height, dely or delx
        sign = -1.0 if reverse_x_axis else 1.0
        point = ((width - 1) / 2 - sign * x0 / delx, (height - 1) / 2 + y0 / dely)
        return cls(sdd, (dely, delx), (height, width), point, mirrored=not reverse_x_axis)

    def to_diffdrr(self) -> dict[str, float | int | bool]:
        """The keyword arguments that give a ``diffdrr.drr.DRR`` this camera.

        Convert the poses with :func:`diffpose_nb.frames.to_diffdrr`.

        DiffDRR's ``x0`` moves the image towards smaller columns with ``reverse_x_axis=False`` and towards larger
        columns with True; ``y0`` moves it towards larger rows.
        """
        (rows, columns), (row_spacing, column_spacing), (column, row) = (
            self.shape,
            self.pixel_spacing,
            self.principal_point,
        )
        sign = 1.0 if self.mirrored else -1.0
        return {
            "sdd": self.sid,
            "height": rows,
            "width": columns,
            "delx": column_spacing,
            "dely": row_spacing,
            "x0": sign * ((columns - 1) / 2 - column) * column_spacing,
            "y0": (row - (rows - 1) / 2) * row_spacing,
            "reverse_x_axis": not self.mirrored,
        }

    @classmethod
    def from_opencv(cls, matrix: Tensor, size: tuple[int, int], sid: float) -> Camera:
        """The camera that has OpenCV's intrinsics.

        Parameters
        ----------
        matrix
            (3, 3) matrix K, in pixels. A negative ``K[0, 0]`` means that the image is seen from the detector.
        size
            (width, height) of the image, in pixels.
        sid
            Distance from the source to the detector, mm. It sets the scale, because K contains no lengths in mm.

        Raises
        ------
        ValueError
            The matrix is not (3, 3), or it has a skew, a lower row other than (0, 0, 1), a ``K[0, 0]`` of 0, or no
            positive ``K[1, 1]``.
        """
        k = as_float64(matrix)
        free = torch.tensor([[True, False, True], [False, True, True], [False, False, False]])
        fixed = torch.diag(torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
        if k.shape != (3, 3) or not torch.equal(torch.where(free, 0.0, k), fixed) or k[0, 0] == 0 or not k[1, 1] > 0:
            raise ValueError(f"K is {k.tolist()}: a flat detector has [[±f, 0, c], [0, f, r], [0, 0, 1]]")
        (fx, fy), (width, height) = (k[0, 0].item(), k[1, 1].item()), size
        point = (k[0, 2].item(), k[1, 2].item())
        return cls(sid, (sid / fy, sid / abs(fx)), (height, width), point, mirrored=fx < 0)

    def to_opencv(self) -> tuple[np.ndarray, tuple[int, int]]:
        """The matrix K (3, 3) float64 and the size (width, height) of the image, as OpenCV takes them.

        Use them in ``cv2.projectPoints`` and ``cv2.solvePnP``, with poses ``camera_from_world``. Both functions accept
        the negative ``K[0, 0]`` of a mirrored camera. ``calibrateCamera`` does not accept it: call :meth:`flip` first.
        """
        return self.K.numpy(), self.shape[::-1]

    @classmethod
    def from_nanodrr(cls, *, k_inv: Tensor, sdd: Tensor | float, height: int, width: int) -> Camera:
        """The camera of a ``nanodrr.drr.DRR`` that has these arguments.

        ``k_inv``, the inverse of K, may have a batch dimension of length 1.
        """
        k = torch.linalg.inv(as_float64(k_inv).reshape(3, 3))
        k[:2, 2] -= 0.5
        return cls.from_opencv(k, (width, height), float(torch.as_tensor(sdd).reshape(())))

    def to_nanodrr(self) -> dict[str, Tensor | int]:
        """The keyword arguments that give a ``nanodrr.drr.DRR`` this camera.

        nanodrr takes the pose separately: its ``rt_inv`` is ``world_from_camera`` as float32, (B, 4, 4), see
        :func:`diffpose_nb.frames.to_nanodrr`. nanodrr counts pixels from their edges, so the column and the row of its
        principal point are half a pixel larger.
        """
        k = self.K
        k[:2, 2] += 0.5
        rows, columns = self.shape
        return {
            "k_inv": torch.linalg.inv(k)[None].float(),
            "sdd": torch.tensor([self.sid], dtype=torch.float32),
            "height": rows,
            "width": columns,
        }
