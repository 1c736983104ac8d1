"""A folder of DICOM files to one volume: which files belong to it, and their numbers as Hounsfield units.

Slices are sorted by their positions; the names of the files do not matter. The position, orientation, spacing and size
of every slice are read. A slice that does not fit is left out with a note, or the series is refused and the message
names the file. pydicom reads the files, and :mod:`diffpose_nb.ct.reading.stack` computes the grid.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ...dicom.header import Unusable, find_numbers, find_text, quiet_pydicom
from ...runtime import progress_bar
from ..errors import CTError
from .scan import AIR, Scan
from .slices import Slice, slices_of
from .stack import ordered, stack

_SAME = 1e-3
"""mm. Slices that are closer than this count as lying at the same place."""
_PARALLEL = 1e-3
"""Length of the difference of two unit vectors below which directions are the same; rounding leaves less."""
_SCOUTS = 0.1
"""At most this share of the files may be left out because they lie at another angle than the others."""
_KERNEL = re.compile(
    r"[A-Z]{1,4} ?[0-9]{1,3}[A-Z]?( ?[A-Z]{1,2})?|STANDARD|BONE|SOFT|LUNG|DETAIL|EDGE|CHEST|[A-C]|[A-Z]{2}"
)
"""Names of reconstruction kernels that are shown; other text may have strayed there and name a patient."""
_MODALITIES = {
    "MR": "a magnetic resonance image, whose numbers are not Hounsfield units",
    "PT": "a PET image, whose numbers are activity",
    "NM": "a scintigram, whose numbers are counts",
    "RTDOSE": "a dose, in Gy",
    "SEG": "a segmentation: pass it as labels=…",
    "RTSTRUCT": "contours: pass them as labels=…",
    "XA": "an X-ray: diffpose_nb.dicom.read_xray reads it",
    "DX": "an X-ray: diffpose_nb.dicom.read_xray reads it",
    "CR": "an X-ray: diffpose_nb.dicom.read_xray reads it",
    "US": "an ultrasound image",
}


@quiet_pydicom()
def read_series(folder: Path, *, progress: bool = True) -> Scan:
    """The CT in a folder of DICOM files, or in one file of many frames.

    Raises
    ------
    CTError
        There is no CT, more than one, or one whose slices do not make a volume; the message names the files.
    """
    files = [folder] if folder.is_file() else sorted(path for path in folder.iterdir() if path.is_file())
    found, others = _headers(files, progress)
    notes = []
    if not found:
        raise CTError(f"{folder}: no CT slices in it{_listed(others)}. Give the folder that holds the slices of one CT")
    if others:
        notes.append(f"Left out: {_counted(others)}.")
    series = defaultdict(list)
    for uid, one in found:
        series[uid].append(one)
    groups = [_without_scouts(slices) for slices in series.values()]
    whole = [(slices, scouts) for slices, scouts in groups if len(slices) > 1] or groups
    if len(whole) > 1:
        sizes = ", ".join(f"{len(slices)} slices beginning with {slices[0].name}" for slices, _ in whole)
        raise CTError(f"{folder}: {len(whole)} CT series in it ({sizes}). Give a folder that holds the slices of one")
    slices, scouts = whole[0]
    scouts += [one for other, more in groups if other is not slices for one in (*other, *more)]
    if scouts:
        notes.append(f"Left out as scouts (localisers), which lie at another angle: {_names(scouts)}.")
    _require_alike(folder, slices)
    notes += _rescale_note(folder, slices)
    slices, copies = _without_copies(folder, ordered(slices))
    if copies:
        notes.append(f"Left out as copies of slices at the same place: {_names(copies)}.")
    layers = stack(slices)
    values, more = _hounsfield(slices, layers.below, layers.share, progress)
    return Scan(values, layers.lps_from_voxel, [*notes, *layers.notes, *more], _facts(slices))


def _headers(files: Iterable[Path], progress: bool) -> tuple[list[tuple[str, Slice]], Counter[str]]:
    """The slices with the UID of their series, and how many files of which other kind there are."""
    slices: list[tuple[str, Slice]] = []
    others: Counter[str] = Counter()
    for file in progress_bar(list(files), "headers", show=progress):
        try:
            dataset = dcmread(file, stop_before_pixels=True)
        except InvalidDicomError:
            others["no DICOM"] += 1
            continue
        except Exception:  # pydicom raises as many kinds as there are ways to damage a file
            raise CTError(f"{file}: the DICOM file is damaged or was cut off. Copy it again") from None
        modality = find_text([dataset], "Modality")
        if "DirectoryRecordSequence" in dataset:
            continue  # DICOMDIR, an index
        if modality != "CT":
            others[modality or "without Modality (0008,0060)"] += 1
            continue
        slices += [(find_text([dataset], "SeriesInstanceUID"), one) for one in slices_of(dataset, file)]
    return slices, others


def _without_scouts(slices: list[Slice]) -> tuple[list[Slice], list[Slice]]:
    """Slices of the direction that most of them have, and the few that are called localisers or lie across it."""
    kept = [one for one in slices if not one.localizer] or slices
    scouts = [one for one in slices if one.localizer] if len(kept) < len(slices) else []
    facing = Counter(tuple(np.round(one.normal, 2) + 0.0) for one in kept).most_common(1)[0][0]
    across = [one for one in kept if abs(one.normal @ np.array(facing)) < np.cos(np.deg2rad(20))]
    if len(across) <= max(2, _SCOUTS * len(kept)) and len(across) < len(kept) - 1:
        kept, scouts = [one for one in kept if one not in across], scouts + across
    return kept, scouts


def _require_alike(folder: Path, slices: list[Slice]) -> None:
    """All of one size, spacing and orientation, or an error that says where it changes."""
    first = slices[0]
    for one in slices[1:]:
        turned = max(np.abs(one.across - first.across).max(), np.abs(one.down - first.down).max()) > _PARALLEL
        for what, differs, values in (
            ("size", one.shape != first.shape, (first.shape, one.shape)),
            ("pixel spacing", not np.allclose(one.spacing, first.spacing, rtol=1e-4), (first.spacing, one.spacing)),
            ("orientation", turned, (first.across.round(3).tolist(), one.across.round(3).tolist())),
        ):
            if differs:
                raise CTError(
                    f"{folder}: the slices' {what} changes from {values[0]} in {first.name} to {values[1]} in "
                    f"{one.name}: they are of two scans. Give the folder of one of them"
                )


def _rescale_note(folder: Path, slices: list[Slice]) -> list[str]:
    """What to say if the series has no rescale; an error if only some of its slices have one."""
    without = [one for one in slices if not one.rescaled]
    if not without:
        return []
    if len(without) < len(slices):
        raise CTError(
            f"{folder}: {_names(without)} without Rescale Slope (0028,1053) or Intercept (0028,1052), which the other "
            "slices have: their numbers cannot be compared. Export the series again"
        )
    return ["The files have no Rescale Slope (0028,1053) and Intercept (0028,1052): numbers are taken as stored."]


def _without_copies(folder: Path, slices: list[Slice]) -> tuple[list[Slice], list[Slice]]:
    """One slice of each place; an error where several of one place differ, as phases do."""
    kept, copies = [slices[0]], []
    for one in slices[1:]:
        before = kept[-1]
        if np.linalg.norm(one.position - before.position) > _SAME:
            kept.append(one)
            continue
        if one.phase != before.phase and not _same_pixels(before, one):
            names = sorted({name for name, _ in set(one.phase) ^ set(before.phase)})
            raise CTError(
                f"{folder}: {before.name} and {one.name} lie at the same place and differ in {', '.join(names)}: "
                "several phases or acquisitions in one series. Give a folder with the slices of one"
            )
        if not _same_pixels(before, one):
            raise CTError(
                f"{folder}: {before.name} and {one.name} lie at the same place and show different pixels: two "
                "reconstructions in one series. Give a folder with the slices of one"
            )
        copies.append(one)
    return kept, copies


def _same_pixels(first: Slice, second: Slice) -> bool:
    return first.shape == second.shape and np.array_equal(*(_units(one, _pixels(one)) for one in (first, second)))


def _hounsfield(
    slices: Sequence[Slice], below: np.ndarray, share: np.ndarray, progress: bool
) -> tuple[np.ndarray, list[str]]:
    """(columns, rows, layers) float32, each slice by its own rescale; a layer between two slices is their mixture."""
    rows, columns = slices[0].shape
    values = np.empty((columns, rows, len(below)), np.float32)
    opened: dict[Path, np.ndarray] = {}
    padded = 0
    ready: dict[int, np.ndarray] = {}

    def slice_values(number: int) -> np.ndarray:
        nonlocal padded
        if number not in ready:
            for old in [key for key in ready if key < number - 1]:
                del ready[old]
            one = slices[number]
            pixels = _pixels(one, opened)
            ready[number] = _units(one, pixels)
            if one.padding is not None:
                outside = (pixels >= one.padding[0]) & (pixels <= one.padding[1])
                padded += int(outside.sum())
                ready[number] = np.where(outside, AIR, ready[number])
        return ready[number]

    for layer in progress_bar(range(len(below)), "slices", show=progress):
        low, part = int(below[layer]), float(share[layer])
        if part == 0 or part == 1:
            values[..., layer] = slice_values(low + int(part)).T
        else:
            values[..., layer] = ((1 - part) * slice_values(low) + part * slice_values(low + 1)).T
    notes = [f"{padded:,} padding pixels outside the field of view count as air."] if padded else []
    return values, notes


def _pixels(one: Slice, opened: dict[Path, np.ndarray] | None = None) -> np.ndarray:
    """(rows, columns) stored numbers; the frames of a file are decoded once and kept in ``opened``."""
    opened = {} if opened is None else opened
    if one.file not in opened:
        opened.clear()
        opened[one.file] = _decoded(one.file)
    pixels = opened[one.file]
    pixels = pixels if one.frame < 0 or pixels.ndim == 2 else pixels[one.frame]
    if pixels.shape != one.shape:
        raise CTError(
            f"{one.file}: pixels of shape {pixels.shape}, where Rows and Columns say {one.shape}; copy it again"
        )
    return pixels


def _decoded(file: Path) -> np.ndarray:
    try:
        dataset = dcmread(file)
        pixels = dataset.pixel_array
    except Exception as error:  # pydicom and its decoders raise as many kinds as there are ways to damage a file
        raise CTError(f"{file}: its pixels cannot be decoded ({type(error).__name__}). Copy the file again") from None
    _require_grey(file, dataset)
    return pixels


def _require_grey(file: Path, dataset: Dataset) -> None:
    kind = find_text([dataset], "PhotometricInterpretation")
    if kind not in ("MONOCHROME2", ""):
        raise CTError(
            f"{file}: {kind} pixels: a CT has MONOCHROME2, in which larger numbers are denser. Export it again"
        )


def _units(one: Slice, pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float32) * np.float32(one.slope) + np.float32(one.intercept)


def _facts(slices: Sequence[Slice]) -> dict[str, object]:
    """For the table: how many slices, how far apart, and how they were made. Words only from lists of known ones."""
    header = dcmread(slices[0].file, stop_before_pixels=True)
    steps = np.diff([float(one.position @ slices[0].normal) for one in slices])
    facts: dict[str, object] = {
        "format": "DICOM",
        "slices": len(slices),
        "files": len({one.file for one in slices}),
        "smallest slice distance": f"{steps.min():.4g}",
        "largest slice distance": f"{steps.max():.4g}",
    }
    for name, keyword in (("slice thickness", "SliceThickness"), ("tube voltage", "KVP")):
        try:
            values = find_numbers([header], keyword)
        except Unusable:
            values = None
        facts[name] = "missing" if values is None else f"{values[0]:.4g}"
    kernel = find_text([header], "ConvolutionKernel")
    facts["kernel"] = kernel if _KERNEL.fullmatch(kernel) else "missing" if not kernel else "not shown"
    facts["contrast agent"] = "named" if find_text([header], "ContrastBolusAgent") else "not named"
    facts["padding"] = "none" if slices[0].padding is None else f"{slices[0].padding[0]:g}"
    return facts


def _names(slices: Sequence[Slice]) -> str:
    names = [one.name for one in slices]
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:4])} and {len(names) - 4} more"


def _counted(others: Counter[str]) -> str:
    return ", ".join(f"{count} file{'s' * (count > 1)} ({kind})" for kind, count in others.items())


def _listed(others: Counter[str]) -> str:
    if not others:
        return ""
    kind = others.most_common(1)[0][0]
    return f", but {_counted(others)}" + (f": {_MODALITIES[kind]}" if kind in _MODALITIES else "")
