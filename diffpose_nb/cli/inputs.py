"""Reading what the command is given: a CT, X-rays with or without a header, and where to start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import WrongInput, wrong_input

if TYPE_CHECKING:
    import torchio
    from torch import Tensor

    from ..images import XRay
    from ..register import Comparison
    from ..train import PoseRegressor


def read_ct(
    path: Path,
    labels: Path | None,
    names: Path | None,
    hounsfield: tuple[float, ...] | None = None,
    resample_labels: bool = False,
    progress: bool = True,
) -> torchio.Subject:
    """The CT with its labels, as :func:`diffpose_nb.ct.load_ct` gives it.

    Raises
    ------
    WrongInput
        The CT or its labels cannot be read. The message is one line.
    """
    from .. import ct

    if path.is_file() and names is not None and not names.is_file():
        raise WrongInput(f"{names}: there is no such file; the names of labels are a JSON file")
    with wrong_input(str(path)):
        return ct.load_ct(
            path, labels, structures=names, hounsfield=hounsfield, resample_labels=resample_labels, progress=progress
        )


@dataclass(frozen=True)
class Overrides:
    """What the user gave for one X-ray, in place of what its header says or lacks.

    ``header`` holds arguments of both :func:`diffpose_nb.dicom.read_xray` and :func:`diffpose_nb.dicom.read_picture`,
    and ``picture`` those of the latter alone.
    """

    header: dict[str, Any] = field(default_factory=dict)
    picture: dict[str, Any] = field(default_factory=dict)
    frame: int = 0

    def read(self, path: Path, needs_angles: bool) -> XRay:
        """The X-ray. If its angles are not needed, and only they are missing, it is read without them."""
        from .. import dicom
        from ..dicom.picture import SUFFIXES

        if path.suffix.lower() in SUFFIXES:

            def read(angles: bool) -> XRay:
                return dicom.read_picture(path, **self.header, **self.picture, angles=angles)
        else:
            given = [name for name, value in self.picture.items() if value]
            if given:
                raise WrongInput(f"--{given[0]} is for pictures without a header, and {path} is read as DICOM")

            def read(angles: bool) -> XRay:
                return dicom.read_xray(path, **self.header, frame=self.frame, angles=angles)

        with wrong_input(str(path)):
            try:
                return read(True)
            except dicom.DicomGeometryError:
                if needs_angles:
                    raise
                return read(False)


@dataclass(frozen=True)
class Start:
    """Where a registration starts: ``kind`` is header, search, network or pose; the last two have a file.

    Raises
    ------
    WrongInput
        The words are none of these, or the file is missing.
    """

    kind: str
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Start:
        """The start that ``--start`` names."""
        kind, _, name = text.partition(":")
        if kind in ("header", "search") and not name:
            return cls(kind)
        if kind not in ("network", "pose") or not name:
            raise WrongInput(f"--start is '{text}': it is header, search, network:FILE or pose:FILE")
        if not Path(name).is_file():
            raise WrongInput(f"--start {text}: there is no file {name}")
        return cls(kind, Path(name))

    @property
    def needs_angles(self) -> bool:
        """Whether the angles in the X-ray's header are needed."""
        return self.kind == "header"

    def load(self) -> PoseRegressor | None:
        """The network, if there is one."""
        if self.kind != "network":
            return None
        from ..train import PoseRegressor

        with wrong_input(str(self.path)):
            return PoseRegressor.load(self.path)

    def pose(
        self,
        subject: torchio.Subject,
        xray: XRay,
        network: PoseRegressor | None,
        compare: Comparison,
        progress: bool,
    ) -> Tensor:
        """``world_from_camera`` (4, 4) at which the registration of an X-ray starts."""
        if self.kind == "network":
            with wrong_input():
                return network.predict(xray)
        if self.kind == "search":
            from ..camera import invert
            from ..register.unknown.start import find_start

            depth = float((invert(xray.world_from_camera)[:3, 3])[2])  # of the world's origin: SOD
            with wrong_input():
                return find_start(subject, xray, depth, compare=compare, progress=progress)
        return xray.world_from_camera if self.kind == "header" else self._from_file(subject)

    def _from_file(self, subject: torchio.Subject) -> Tensor:
        import json

        import torch

        from ..camera import as_float64, invert
        from ..exchange import read_itk_transform, read_record, read_xvr

        path = self.path
        with wrong_input(str(path)):
            if path.suffix in (".tfm", ".txt"):
                world_from_lps = torch.linalg.inv(as_float64(subject["lps_from_world"]))
                return world_from_lps @ invert(read_itk_transform(path))
            if path.suffix in (".pt", ".pth"):
                return read_xvr(path)[1]
            content = json.loads(path.read_text(encoding="utf-8"))
            views = content.get("views", []) if isinstance(content, dict) else []
            if len(views) != 1:
                raise ValueError(f"{path}: holds {len(views)} views; a pose.json of one X-ray is needed")
            return read_record(views[0], subject)[1]
