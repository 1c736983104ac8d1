"""``diffpose-nb register``: from a CT and X-rays to poses, and a report of each."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .errors import FOUND, INTERRUPTED, NOT_FOUND, WrongInput, watching_interrupts, wrong_input
from .inputs import Overrides, Start, read_ct
from .words import each, names, numbers

if TYPE_CHECKING:
    import torchio

    from ..images import XRay
    from ..register import Comparison, Refinement, Strategy
    from ..train import PoseRegressor


class Values(StrEnum):
    """What the numbers of a picture are: proportional to the beam, to its logarithm, or processed for display."""

    linear = "linear"
    log = "log"
    display = "display"


class Bright(StrEnum):
    """What is bright in a picture: where much of the beam arrives, or the bones."""

    beam = "beam"
    bone = "bone"


def register(
    ctx: typer.Context,
    ct: Annotated[Path, typer.Argument(help="The CT: NIfTI, NRRD, MHA, or a folder of DICOM slices.")],
    xrays: Annotated[list[Path], typer.Argument(help="X-rays of the same patient: DICOM, PNG, TIFF, JPEG or .npy.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results, new or empty.")],
    labels: Annotated[Path | None, typer.Option(help="A label map of the CT.")] = None,
    names_of_labels: Annotated[Path | None, typer.Option("--names", help="Names of the labels, a JSON file.")] = None,
    hounsfield: Annotated[
        str | None, typer.Option(help="SLOPE,INTERCEPT that make the CT's numbers Hounsfield units.")
    ] = None,
    resample_labels: Annotated[
        bool, typer.Option("--resample-labels", help="Allow a label map on another grid.")
    ] = False,
    structures: Annotated[
        list[str] | None, typer.Option(help="Compare only what is near these labels: names or numbers, with commas.")
    ] = None,
    start: Annotated[
        str, typer.Option(help="Where to start: header, search, network:FILE (of train) or pose:FILE.")
    ] = "header",
    together: Annotated[
        bool,
        typer.Option("--together", help="The X-rays are views of one patient lying still: one motion mends them all."),
    ] = False,
    both_sides: Annotated[
        bool, typer.Option("--both-sides", help="Also start from the other side of the patient.")
    ] = False,
    restarts: Annotated[int, typer.Option(min=0, help="Further attempts until the pose is found.")] = 4,
    confirm: Annotated[int, typer.Option(min=0, help="Further attempts that have to come back to the pose.")] = 0,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Find SID and principal point too; needs two views.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn at random.")] = 0,
    sid: Annotated[list[float] | None, typer.Option(help="Source to detector, mm.")] = None,
    sod: Annotated[list[float] | None, typer.Option(help="Source to isocentre, mm.")] = None,
    primary: Annotated[list[float] | None, typer.Option(help="Primary angle, degrees; LAO positive.")] = None,
    secondary: Annotated[list[float] | None, typer.Option(help="Secondary angle, degrees; CRA positive.")] = None,
    pixel_spacing: Annotated[
        list[str] | None, typer.Option(help="ROW,COLUMN spacing at the detector, mm, or one number for both.")
    ] = None,
    principal_point: Annotated[
        list[str] | None, typer.Option(help="COLUMN,ROW to which the isocentre projects, pixels from 0.")
    ] = None,
    frame: Annotated[list[int] | None, typer.Option(help="Frame of an X-ray with several, from 0.")] = None,
    values: Annotated[
        Values | None, typer.Option(help="Pictures: values are proportional to the beam, to its log, or for display.")
    ] = None,
    bright: Annotated[Bright | None, typer.Option(help="Pictures: what is bright, the beam or bone.")] = None,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="Pictures: seen from the source, not from the detector.")
    ] = False,
    try_mirrored: Annotated[
        bool, typer.Option("--try-mirrored", help="Register the mirrored image too, and keep the better.")
    ] = False,
    try_inverted: Annotated[
        bool, typer.Option("--try-inverted", help="Register with the greys turned over too.")
    ] = False,
    slicer: Annotated[
        bool, typer.Option("--slicer", help="Write a scene for 3D Slicer too, with a copy of the CT.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that are there already.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Find the pose of the C-arm for each X-ray.

    The folder gets a report, report.html, and pose.json, pose.tfm and overlay.png. With several X-rays, unless
    --together, each has a folder of its own in it. An option of the geometry is given once for all X-rays, or once for
    each.

    Exit status: 0 all found, 3 one is doubtful or lost, 2 the input cannot be used.
    """
    beginning = Start.parse(start)
    overrides = _overrides(
        len(xrays),
        {"sid": sid, "sod": sod, "primary": primary, "secondary": secondary},
        {"pixel_spacing": pixel_spacing, "principal_point": principal_point},
        {"values": values and values.value, "bright": bright and bright.value, "mirrored": mirrored},
        frame,
    )
    window = numbers(hounsfield, "--hounsfield", (2,))
    chosen = names(structures)
    if chosen and labels is None:
        raise WrongInput("--structures needs the label map in which they are: --labels FILE")
    if together and len(xrays) < 2:
        raise WrongInput("--together is for several X-rays, and there is one")
    if calibrate and not together:
        raise WrongInput("--calibrate needs two views with --together: from one view SID and depth look alike")
    for path in (ct, *xrays, *filter(None, (labels, names_of_labels))):
        if not path.exists():
            raise WrongInput(f"{path}: there is no such file or folder")

    import matplotlib

    matplotlib.use("Agg")
    from ..register import Comparison, Strategy
    from ..report.folder import require_free

    with wrong_input():
        require_free(output, overwrite)
    needs_angles = beginning.needs_angles or together
    pictures = [
        override.read(path, needs_angles) for override, path in zip(overrides, xrays, strict=True)
    ]  # before the CT, which takes longer
    network = beginning.load()
    subject = read_ct(ct, labels, names_of_labels, window, resample_labels, not quiet)
    job = Job(
        subject=subject,
        start=beginning,
        network=network,
        compare=Comparison(structures=chosen),
        search=Strategy(restarts=restarts, both_sides=both_sides, calibrate=calibrate),
        options={"confirm": confirm, "seed": seed, "progress": not quiet},
        mirrored=try_mirrored,
        inverted=try_inverted,
        report={"ct": ct, "slicer": slicer, "command": shlex.join(["diffpose-nb", *ctx.find_root().command.line])},
    )
    if together or len(xrays) == 1:
        judgements = [job.run(pictures, xrays, output, overwrite)]
    else:
        folders = _folders(xrays, output)
        judgements = [
            job.run([picture], [path], folder, overwrite)
            for picture, path, folder in zip(pictures, xrays, folders, strict=True)
        ]
    raise typer.Exit(FOUND if all(judgement == "found" for judgement in judgements) else NOT_FOUND)


@dataclass(frozen=True)
class Job:
    """What is the same for all X-rays of a call."""

    subject: torchio.Subject
    start: Start
    network: PoseRegressor | None
    compare: Comparison
    search: Strategy
    options: dict[str, Any]
    mirrored: bool
    inverted: bool
    report: dict[str, Any]

    def run(self, xrays: list[XRay], paths: list[Path], folder: Path, overwrite: bool) -> str:
        """Register X-rays together and write their report. Returns the judgement."""
        from ..report import write_report

        with watching_interrupts() as pressed:
            xrays, starts, found = self._register(xrays)
        if pressed:
            print("diffpose-nb: interrupted, nothing was written", flush=True)
            raise typer.Exit(INTERRUPTED)
        page = write_report(
            folder,
            self.subject,
            xrays if len(xrays) > 1 else xrays[0],
            found,
            start=starts,
            names=_distinct([path.stem for path in paths]),
            files=paths,
            overwrite=overwrite,
            **self.report,
        )
        print(f"{', '.join(map(str, paths))}: {found.judgement}, confidence {found.confidence:.2f}")
        which = [note for xray in xrays for note in xray.notes if note.startswith("Reading:")]
        print(*(f"  {line}" for line in (*found.reasons, *which, page)), sep="\n", flush=True)
        return found.judgement

    def _register(self, xrays: list[XRay]) -> tuple[list[XRay], Any, Refinement]:
        import torch

        from ..camera import invert
        from ..register import refine
        from ..register.unknown.reading import readings, register_readings

        def one(xray: XRay) -> tuple[Any, Refinement]:
            first = self.start.pose(self.subject, xray, self.network, self.compare, self.options["progress"])
            with wrong_input():
                found = refine(self.subject, xray, first, compare=self.compare, search=self.search, **self.options)
            return first, found

        if len(xrays) == 1:
            candidates = readings(xrays[0], mirrored=self.mirrored, inverted=self.inverted)
            if len(candidates) == 1:
                first, found = one(xrays[0])
                return xrays, first, found
            starts = {}

            def attempt(xray: XRay) -> Refinement:
                starts[id(xray)], found = one(xray)
                return found

            best = register_readings(candidates, attempt)[0]
            return [best.xray], starts[id(best.xray)], best.refinement
        if self.mirrored or self.inverted:
            raise WrongInput("--try-mirrored and --try-inverted are for one X-ray at a time, without --together")
        first = self.start.pose(self.subject, xrays[0], self.network, self.compare, self.options["progress"])
        motion = first @ invert(xrays[0].world_from_camera)  # the views keep their places relative to each other
        starts = torch.stack([motion @ xray.world_from_camera for xray in xrays])
        with wrong_input():
            found = refine(self.subject, xrays, starts, compare=self.compare, search=self.search, **self.options)
        return xrays, starts, found


def _overrides(
    views: int,
    plain: dict[str, list[float] | None],
    pairs: dict[str, list[str] | None],
    picture: dict[str, Any],
    frame: list[int] | None,
) -> list[Overrides]:
    """What was given for each X-ray."""
    columns: dict[str, list[Any]] = {
        name: each(given, "--" + name.replace("_", "-"), views) for name, given in plain.items()
    }
    for name, given in pairs.items():
        option = "--" + name.replace("_", "-")
        counts = (1, 2) if name == "pixel_spacing" else (2,)
        found = [numbers(text, option, counts) for text in each(given, option, views)]
        columns[name] = [pair * 2 if pair is not None and len(pair) == 1 else pair for pair in found]
    frames = each(frame, "--frame", views)
    rows = [{name: column[n] for name, column in columns.items()} for n in range(views)]
    return [Overrides(row, picture, frames[n] or 0) for n, row in enumerate(rows)]


def _folders(paths: list[Path], output: Path) -> list[Path]:
    return [output / name for name in _distinct([path.stem for path in paths])]


def _distinct(stems: list[str]) -> list[str]:
    """Names of files, numbered where two are alike."""
    return [stem if stems.count(stem) == 1 else f"{stem}_{n}" for n, stem in enumerate(stems, start=1)]
