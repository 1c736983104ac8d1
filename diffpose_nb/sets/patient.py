"""The one shape of all public sets: patients with a CT, their X-rays, and poses to compare with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd
import torchio
from torch import Tensor

from ..camera import as_float64
from ..images import XRay
from .errors import SetError

_announced: set[str] = set()


@dataclass(frozen=True)
class Publication:
    """Who made a set, and what may be done with it.

    Parameters
    ----------
    title
        The name of the set.
    licence
        The licence and what it asks for, in one sentence.
    citation
        What to cite.
    address
        Where the set is published.
    """

    title: str
    licence: str
    citation: str
    address: str

    def __str__(self) -> str:
        return f"{self.title}\n  Licence: {self.licence}\n  Please cite: {self.citation}\n  From: {self.address}"

    def announce(self) -> None:
        """Print title, licence, citation and address, once in a process."""
        if self.title not in _announced:
            _announced.add(self.title)
            print(self)


@dataclass(frozen=True, eq=False)
class Standard:
    """A pose with which a registration is compared, and how far it can be trusted.

    Parameters
    ----------
    world_from_camera
        (4, 4) float64: the camera's pose in the world of the patient's CT.
    kind
        "gold": from something that a registration does not use, such as markers, or a simulation's own pose. "silver":
        from another registration.
    millimetres
        The stated uncertainty, mm. NaN: the set states none.
    uncertainty
        The uncertainty in words: how the pose was found, and what is known of its error.
    """

    world_from_camera: Tensor
    kind: Literal["gold", "silver"]
    millimetres: float
    uncertainty: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "world_from_camera", as_float64(self.world_from_camera))


@dataclass(frozen=True, eq=False)
class SetXRay:
    """An X-ray of a set, which is read when it is asked for.

    Parameters
    ----------
    name
        The name within the patient's X-rays, such as ``"003"``.
    read
        Gives the :class:`diffpose_nb.images.XRay`: pixels, camera and nominal pose. It is read anew at every call,
        since hundreds of X-rays would fill the memory.
    standard
        The pose to compare with, or None.
    notes
        One sentence for each peculiarity of this X-ray that the set tells, such as a wrong label.
    """

    name: str
    read: Callable[[], XRay] = field(repr=False)
    standard: Standard | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Patient:
    """A CT and the X-rays that show it.

    Parameters
    ----------
    name
        The name within the set.
    subject
        Gives the CT as a subject, see :mod:`diffpose_nb.ct`, with labels where the set has them. It is read anew at
        every call.
    xrays
        The X-rays, in the order of the set.
    landmarks
        Gives the landmarks in 3D (columns ``name``, ``x``, ``y``, ``z``; mm in the world of the CT). None: the set has
        none.
    notes
        One sentence for each assumption and each peculiarity of this patient.
    """

    name: str
    subject: Callable[[], torchio.Subject] = field(repr=False)
    xrays: tuple[SetXRay, ...] = field(repr=False)
    landmarks: Callable[[], pd.DataFrame] | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def xray(self, name: str) -> SetXRay:
        """The X-ray of this name.

        Raises
        ------
        SetError
            The patient has none of this name.
        """
        return _named(name, self.xrays, f"X-ray of {self.name}")


@dataclass(frozen=True, eq=False)
class PublicSet:
    """A public set that was opened. Its patients' files are read when they are asked for.

    Parameters
    ----------
    patients
        The patients, in the order of the set.
    publication
        Licence, citation and address.
    notes
        One sentence for each assumption about the whole set, and what was left out.
    """

    patients: tuple[Patient, ...]
    publication: Publication
    notes: tuple[str, ...] = ()

    def patient(self, name: str) -> Patient:
        """The patient of this name.

        Raises
        ------
        SetError
            The set has none of this name.
        """
        return _named(name, self.patients, f"patient in {self.publication.title}")


def _named(name: str, among: tuple, what: str):
    for one in among:
        if one.name == name:
            return one
    raise SetError(f"there is no {what} with the name {name!r}: there are {[one.name for one in among]}")
