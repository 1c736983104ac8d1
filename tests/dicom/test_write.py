"""Writing: what comes back is what went in, a validator finds no error, and a failure leaves no trace."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pydicom
import pytest
import torch
from xa_files import PATIENT, make_xray

from diffpose_nb.camera import Camera
from diffpose_nb.dicom import DicomError, read_xray, write_xray
from diffpose_nb.frames import carm_pose, rigid_motion
from diffpose_nb.images import XRay


@pytest.fixture
def dciodvfy_errors(outside_program):
    """What Debian's dicom3tools has to say against a file."""
    program = outside_program("dciodvfy", "dicom3tools")

    def check(path: Path) -> list[str]:
        done = subprocess.run([program, str(path)], capture_output=True, text=True, timeout=60, check=False)
        report = done.stdout + done.stderr
        assert "Image" in report.splitlines()[0], report  # it recognised the object
        return [line for line in report.splitlines() if line.startswith("Error")]

    return check


PIXELS = {
    "counts": torch.linspace(0, 65535, 120).reshape(12, 10),
    "few counts": torch.linspace(0, 40, 120).reshape(12, 10),
    "many counts": torch.linspace(0, 3e6, 120).reshape(12, 10),
    "fractions": torch.linspace(1e-6, 1, 120).reshape(12, 10),
    "negative": torch.linspace(-3.7, 5.2, 120).reshape(12, 10),
    "constant": torch.full((12, 10), 0.37),
    "zero": torch.zeros(12, 10),
}


KINDS = ["XA", "Enhanced XA", "DX"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PIXELS)
def test_pixels_come_back_and_the_validator_is_content(name: str, kind: str, tmp_path: Path, dciodvfy_errors) -> None:
    path = tmp_path / "xray.dcm"
    write_xray(path, make_xray(pixels=PIXELS[name]), kind)
    back = read_xray(path)
    span = max(PIXELS[name].abs().max().item(), (PIXELS[name].max() - PIXELS[name].min()).item())
    assert (back.pixels - PIXELS[name]).abs().max().item() <= 0.51 * max(span, 1e-9) / 4095
    if PIXELS[name].max() > 4095 or name == "counts":
        assert (back.pixels - PIXELS[name]).abs().max().item() <= max(0.5, 0.51 * span / 65535)
    assert dciodvfy_errors(path) == []


@pytest.mark.parametrize(
    ("kind", "relationship", "sign"),
    [
        ("XA", "LIN", 1),
        ("XA", "LIN", -1),
        ("XA", "LOG", 1),
        ("XA", "LOG", -1),
        ("XA", "DISP", 1),
        ("Enhanced XA", "LIN", 1),
        ("Enhanced XA", "LIN", -1),
        ("DX", "LIN", -1),
        ("DX", "LOG", 1),
        ("DX", "LOG", -1),
    ],
)
def test_the_relationship_comes_back(kind: str, relationship: str, sign: int, tmp_path: Path, dciodvfy_errors) -> None:
    write_xray(tmp_path / "xray.dcm", make_xray(relationship=relationship, sign=sign), kind)
    back = read_xray(tmp_path / "xray.dcm")
    assert (back.relationship, back.sign) == (relationship, sign)
    assert dciodvfy_errors(tmp_path / "xray.dcm") == []


@pytest.mark.parametrize("angles", [(0, 0), (180, 0), (-90, 0), (-33.3, 41.7), (0, 90)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_validator_is_content_with_any_view(
    kind: str, angles: tuple[float, float], tmp_path: Path, dciodvfy_errors
) -> None:
    write_xray(tmp_path / "xray.dcm", make_xray(primary=angles[0], secondary=angles[1]), kind)
    assert dciodvfy_errors(tmp_path / "xray.dcm") == []


def test_enhanced_keeps_a_principal_point_off_the_centre(tmp_path: Path, dciodvfy_errors) -> None:
    xray = make_xray((20, 30)).crop(1, 4, 15, 20)
    write_xray(tmp_path / "xray.dcm", xray, "Enhanced XA")
    back = read_xray(tmp_path / "xray.dcm")
    assert back.camera.principal_point == pytest.approx(xray.camera.principal_point, abs=1e-5)
    assert dciodvfy_errors(tmp_path / "xray.dcm") == []


def test_bits_and_orientation(tmp_path: Path) -> None:
    views = {(0, 0): "L F", (90, 0): "P F", (-90, 0): "A F", (180, 0): "R F", (30, 20): "LP FAL"}
    for angles, letters in views.items():
        write_xray(tmp_path / "xa.dcm", make_xray(primary=angles[0], secondary=angles[1]))
        dataset = pydicom.dcmread(tmp_path / "xa.dcm")
        assert " ".join(dataset.PatientOrientation) == letters
        assert dataset.BitsStored >= 12


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_image_gives_the_same_bytes_and_another_another_uid(kind: str, tmp_path: Path) -> None:
    for name, primary in [("a", 30), ("b", 30), ("c", 31)]:
        write_xray(tmp_path / name, make_xray(primary=primary), kind)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    uids = {pydicom.dcmread(tmp_path / name).SOPInstanceUID for name in "abc"}
    assert len(uids) == 2


def test_nobody_is_named(xa, tmp_path: Path) -> None:
    write_xray(tmp_path / "copy.dcm", read_xray(xa()))
    content = (tmp_path / "copy.dcm").read_bytes()
    assert not [value for value in PATIENT.values() if value.encode() in content]
    assert b"SIMULATED^PHANTOM" in content


def test_the_truth_is_not_written(tmp_path: Path) -> None:
    nominal = make_xray()
    write_xray(tmp_path / "a", nominal)
    write_xray(tmp_path / "b", make_xray(true_world_from_camera=rigid_motion((1, 2, 3), (4, 5, 6))))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


SMALL = Camera(1000, (0.5, 0.4), (12, 10))
WRONG = {
    "kind": (make_xray(), "PNG", "kind is 'PNG'"),
    "turned": (make_xray().rot90(), "XA", "turned by 90 degrees about its optical axis"),
    "moved": (
        make_xray(world_from_camera=rigid_motion((0, 0, 0), (0, 0, 5)) @ carm_pose(0, 0, 700)),
        "XA",
        "passes the world's origin by 5 mm",
    ),
    "off-centre": (make_xray().crop(0, 0, 10, 10), "XA", "principal point"),
    "unmirrored": (make_xray().flip(), "XA", "flip()"),
    "not finite": (make_xray(pixels=torch.full((12, 10), torch.nan)), "XA", "120 pixels are not finite"),
    "off the image": (make_xray((20, 30)).crop(0, 20, 20, 10), "Enhanced XA", "off the image"),
    "logarithm, enhanced": (make_xray(relationship="LOG"), "Enhanced XA", "needs a lookup table"),
    "display, radiography": (make_xray(relationship="DISP"), "DX", "is LIN or LOG"),
    "behind": (make_xray(world_from_camera=carm_pose(0, 0, 1200)), "XA", "no C-arm has that"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_written_leaves_the_old_file_alone(name: str, tmp_path: Path) -> None:
    xray, kind, words = WRONG[name]
    path = tmp_path / "xa.dcm"
    path.write_bytes(b"precious")
    with pytest.raises(DicomError, match=r"xa\.dcm") as caught:
        write_xray(path, xray, kind)
    assert words in str(caught.value)
    assert path.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["xa.dcm"]


def test_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(DicomError, match="folder"):
        write_xray(tmp_path, make_xray())
    with pytest.raises(DicomError, match="does not exist"):
        write_xray(tmp_path / "no" / "xa.dcm", make_xray())


def test_a_disc_that_fails_half_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "xa.dcm"
    path.write_bytes(b"precious")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("diffpose_nb.dicom.writing.write.dcmwrite", fail)
    with pytest.raises(DicomError, match="No space left"):
        write_xray(path, make_xray())
    assert path.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["xa.dcm"]


def test_a_pose_that_went_through_float32_is_written(tmp_path: Path) -> None:
    pose = carm_pose(-33, 12, 640).float().double()
    write_xray(tmp_path / "xa.dcm", XRay(torch.ones(12, 10), SMALL, pose))
    torch.testing.assert_close(read_xray(tmp_path / "xa.dcm").world_from_camera, pose, atol=1e-4, rtol=1e-6)
