"""``diffpose-nb train``: a network for one patient, from which ``register`` can start where there are no angles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .errors import INTERRUPTED, WrongInput, wrong_input
from .inputs import read_ct
from .words import names, numbers


def train(
    ct: Annotated[Path, typer.Argument(help="The CT: NIfTI, NRRD, MHA, or a folder of DICOM slices.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The checkpoint, a file that ends in .pt.")],
    labels: Annotated[Path | None, typer.Option(help="A label map of the CT, for --aim.")] = None,
    names_of_labels: Annotated[Path | None, typer.Option("--names", help="Names of the labels, a JSON file.")] = None,
    hounsfield: Annotated[
        str | None, typer.Option(help="SLOPE,INTERCEPT that make the CT's numbers Hounsfield units.")
    ] = None,
    aim: Annotated[
        list[str] | None, typer.Option(help="Labels at which the C-arm is aimed; default the middle of the CT.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the training.")] = 2100,
    minutes: Annotated[float | None, typer.Option(help="Stop after so many minutes; call again to go on.")] = None,
    view: Annotated[str, typer.Option(help="PRIMARY,SECONDARY of the nominal view, degrees.")] = "0,0",
    primary: Annotated[float, typer.Option(help="Half the range of the primary angle, degrees.")] = 30.0,
    secondary: Annotated[float, typer.Option(help="Half the range of the secondary angle, degrees.")] = 20.0,
    roll: Annotated[float, typer.Option(help="Half the range of the turn of the image, degrees.")] = 10.0,
    shift: Annotated[float, typer.Option(help="Half the range of the shift along the detector's axes, mm.")] = 50.0,
    depth: Annotated[float, typer.Option(help="Half the range of the distance from the source, mm.")] = 80.0,
    sid: Annotated[float, typer.Option(help="Source to detector, mm.")] = 1020.0,
    sod: Annotated[float, typer.Option(help="Source to isocentre, mm.")] = 700.0,
    field: Annotated[float, typer.Option(help="Width of the detector, mm.")] = 307.0,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn at random.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bars.")] = False,
) -> None:
    """Train a network for this patient. It estimates poses for `register --start network:FILE`.

    The checkpoint is written every minute. The same call goes on from it after an interruption. With the default
    settings a laptop with two cores takes ten minutes.
    """
    nominal = numbers(view, "--view", (2,))
    window = numbers(hounsfield, "--hounsfield", (2,))
    aims = names(aim)
    if aims and labels is None:
        raise WrongInput("--aim needs the label map in which the structures are: --labels FILE")
    if output.suffix != ".pt" or output.is_dir():
        raise WrongInput(f"--output is {output}: name a file that ends in .pt")
    for path in (ct, *filter(None, (labels, names_of_labels))):
        if not path.exists():
            raise WrongInput(f"{path}: there is no such file or folder")

    from ..camera import Camera
    from ..train import PoseRange, fit, label_centres
    from ..train.training import CAMERA

    subject = read_ct(ct, labels, names_of_labels, window, progress=not quiet)
    with wrong_input():
        centres = {"isocenter": label_centres(subject, aims)} if aims else {}
        poses = PoseRange(primary, secondary, roll, shift, depth, view=nominal, sod=sod, **centres)
        pixel = field / CAMERA.shape[1]
        camera = Camera(sid, (pixel, pixel), CAMERA.shape)
    with wrong_input(str(output)):
        trained = fit(
            subject, output, poses=poses, camera=camera, steps=steps, minutes=minutes, seed=seed, progress=not quiet
        )
    last = trained.history.iloc[-1]
    print(
        f"{output}: {trained.reason} after {len(trained.history)} of {steps} steps, {last.seconds / 60:.1f} minutes; "
        f"errors in the last batch {last.rotation:.1f}°, {last.in_plane:.1f} mm in plane, {last.depth:.1f} mm in depth"
    )
    if trained.reason == "interrupted":
        raise typer.Exit(INTERRUPTED)
