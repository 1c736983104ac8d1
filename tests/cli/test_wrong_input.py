"""Whatever is wrong with the input: one line that names it, status 2, and nothing is written."""

import own_patient
import pytest
import torch

from diffpose_nb.cli.errors import one_line


@pytest.fixture(scope="module")
def bad(files, tmp_path_factory):
    """Files that are wrong in ways of their own."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "text.dcm").write_text("no DICOM")
    (folder / "empty.nii.gz").write_bytes(b"")
    (folder / "text.png").write_text("no picture")
    (folder / "text.pt").write_text("no network")
    (folder / "two.json").write_text('{"views": []}')
    (folder / "empty").mkdir()
    (folder / "taken").mkdir()
    (folder / "taken" / "thesis.txt").write_text("mine")
    xray = own_patient.shoot(own_patient.subject())
    own_patient.write_xa(folder / "bare.dcm", xray, DistanceSourceToDetector=None, PositionerPrimaryAngle=None)
    own_patient.write_xa(folder / "dark.dcm", _dark(xray))
    return folder


def _dark(xray):
    xray.pixels = torch.ones_like(xray.pixels)
    return xray


CASES = {
    "no such CT": ("register {no} {front}", "nothing: there is no such file or folder"),
    "no such X-ray": ("register {ct} {no}", "nothing: there is no such file or folder"),
    "no such label map": ("register {ct} {front} --labels {no}", "nothing: there is no such file"),
    "text as DICOM": ("register {ct} {bad}/text.dcm", "not a DICOM file"),
    "text as PNG": ("register {ct} {bad}/text.png --sid 1000", "cannot be read as a picture"),
    "an empty CT": ("register {bad}/empty.nii.gz {front}", "empty.nii.gz"),
    "a folder without slices": ("register {bad}/empty {front}", "empty"),
    "a CT as the X-ray": ("register {ct} {ct}/slice_000.dcm", "not a C-arm projection"),
    "an X-ray as the CT": ("register {front} {front}", "front.dcm"),
    "a bare header": ("register {ct} {bad}/bare.dcm", "--sid … (mm)"),
    "a bare header, no angles needed": ("register {ct} {bad}/bare.dcm --start search", "--sid … (mm)"),
    "a picture without words": ("register {ct} {picture}", "--sid is missing"),
    "no contrast": ("register {ct} {bad}/dark.dcm", "nothing to register"),
    "words for pictures with DICOM": ("register {ct} {front} --values log", "--values is for pictures"),
    "an implausible SID": ("register {ct} {front} --sid 3", "sid is 3"),
    "no number": ("register {ct} {front} --sid wide", "'--sid'"),
    "three spacings": ("register {ct} {front} --pixel-spacing 1,2,3", "--pixel-spacing is '1,2,3'"),
    "one angle too many": ("register {ct} {front} --primary 1 --primary 2", "--primary is given 2 times"),
    "no such start": ("register {ct} {front} --start guess", "--start is 'guess'"),
    "a network without a file": ("register {ct} {front} --start network", "network:FILE"),
    "a network that is not there": ("register {ct} {front} --start network:{no}", "there is no file"),
    "a network that is none": ("register {ct} {front} --start network:{bad}/text.pt", "cannot be read as a checkpoint"),
    "a pose that is none": ("register {ct} {front} --start pose:{bad}/two.json", "holds 0 views"),
    "structures without labels": ("register {ct} {front} --structures 1", "--labels FILE"),
    "an unknown structure": ("register {ct} {front} --labels {labels} --structures femur", "femur"),
    "together alone": ("register {ct} {front} --together", "there is one"),
    "calibration of one view": ("register {ct} {front} --calibrate", "two views"),
    "an output that is taken": ("register {ct} {front} -o {bad}/taken", "pass --overwrite"),
    "an output that is a file": ("register {ct} {front} -o {bad}/two.json", "is a file"),
    "no output": ("register {ct} {front} --no-output", "--no-output"),
    "no X-ray": ("register {ct}", "Missing argument 'xrays"),
    "no command": ("regsiter", "No such command"),
    "nothing to describe": ("describe", "Missing argument"),
    "describe what is not there": ("describe {no}", "nothing: there is no such file or folder"),
    "describe text": ("describe {bad}/two.json", "two.json"),
    "train into a folder": ("train {ct} -o {bad}", "ends in .pt"),
    "train with aims but no labels": ("train {ct} -o {out}.pt --aim 1", "--labels FILE"),
    "train over something else": ("train {ct} -o {bad}/text.pt", "cannot be read as a checkpoint"),
    "train with a view of one number": ("train {ct} -o {out}.pt --view 3", "--view is '3'"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line(call, files, bad, tmp_path, name):
    command, says = CASES[name]
    output = tmp_path / "out"
    places = {"ct": files.ct, "front": files.front, "picture": files.picture, "labels": files.labels}
    places |= {"bad": bad, "no": tmp_path / "nothing", "out": output}
    words = command.format(**places).split()
    if words[0] == "register" and "-o" not in words:
        words += ["-o", str(output)]
    before = _tree(bad)
    result = call(*words, *(("-q",) if words[0] in ("register", "train") else ()))
    assert result.exit_code == 2, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("diffpose-nb: "), result.stderr
    assert says in lines[0], lines[0]
    assert len(lines[0]) < 1100 and "Secret" not in lines[0]
    assert list(tmp_path.iterdir()) == [] and _tree(bad) == before, "nothing is written"


def _tree(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_stood_there_stays_when_it_goes_wrong_and_goes_when_asked(call, files, bad, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    (output / "thesis.txt").write_text("mine")
    words = ("register", files.ct, files.front, "-o", output, "-q", "--overwrite")
    assert call(*words, "--start", f"pose:{bad / 'two.json'}").exit_code == 2
    assert [path.name for path in output.iterdir()] == ["thesis.txt"]
    assert call(*words).exit_code == 0
    assert "thesis.txt" not in [path.name for path in output.iterdir()]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_arguments_are_called_as_the_options_are():
    assert one_line("a:\n  - Pass sid=… (mm).\n  - Pass pixel_spacing=(0.3, 0.4) if so.\n") == (
        "a: Pass --sid … (mm). Pass --pixel-spacing 0.3,0.4 if so."
    )
    assert one_line("pass overwrite=True") == "pass --overwrite"
    assert one_line("sod is missing: mm") == "--sod is missing: mm"
    assert one_line("the side=3 is besides") == "the side=3 is besides"
