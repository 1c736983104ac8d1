"""Is the picture mirrored, and what is bright in it? Every reading is registered, and the CT says which is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...images import XRay
from ..outcome import Refinement

_CLOSE = 0.05
"""Two readings whose local NCC differs by less than this cannot be told apart."""


@dataclass(frozen=True)
class Reading:
    """One reading of an X-ray, and what its registration came to.

    Parameters
    ----------
    name
        "as given", "mirrored", "inverted" or "mirrored and inverted".
    xray
        The X-ray as it is read. The pixels are the same ones; camera and sign differ.
    refinement
        Its registration.
    """

    name: str
    xray: XRay
    refinement: Refinement


def readings(xray: XRay, *, mirrored: bool = True, inverted: bool = True) -> dict[str, XRay]:
    """The X-ray as it was given, seen from the other side, with the other sign, and both.

    The pixels stay where they are, so that a pose that is found belongs to the file as it is.

    Parameters
    ----------
    mirrored
        Also take the image to be seen from the other side.
    inverted
        Also take what is bright to be dark.
    """
    other_side = replace(xray.camera, mirrored=not xray.camera.mirrored)
    notes = [note for note in xray.notes if not note.startswith("Mirror:")]
    found = {"as given": xray}
    if mirrored:
        found["mirrored"] = replace(xray, camera=other_side, notes=notes)
    if inverted:
        found["inverted"] = replace(xray, sign=-xray.sign)
    if mirrored and inverted:
        found["mirrored and inverted"] = replace(xray, camera=other_side, sign=-xray.sign, notes=notes)
    return found


def register_readings(candidates: dict[str, XRay], register: Callable[[XRay], Refinement]) -> list[Reading]:
    """Register every reading, and order them: the one that explains most of the X-ray comes first.

    To the X-ray of the first one a note is added that says which it is, and whether another one comes close to it.

    Parameters
    ----------
    candidates
        As :func:`readings` returns them.
    register
        A function from an X-ray to its refinement, such as ``lambda xray: refine(subject, xray)``.
    """
    tried = [Reading(name, xray, register(xray)) for name, xray in candidates.items()]
    tried.sort(key=lambda reading: -reading.refinement.ncc)
    best, *others = tried
    scores = ", ".join(f"{reading.name} {reading.refinement.ncc:.2f}" for reading in tried)
    note = f"Reading: the X-ray is taken {best.name}. Local NCC of the readings: {scores}."
    if others and best.refinement.ncc - others[0].refinement.ncc < _CLOSE:
        note += " The first two are close: the X-ray does not tell them apart."
    best.xray.notes.append(note)
    return tried
