"""One file: units, transforms that lack or contradict, and what is no CT."""

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from dicom_series import BRIGHT, grid, phantom, place

from diffpose_nb import ct

RAS = np.diag([-1.0, -1, 1, 1]) @ grid()


def nifti(path, values=None, *, sform=RAS, qform=None, unit="mm"):
    image = nibabel.Nifti1Image(phantom() if values is None else values, None)
    image.header.set_xyzt_units(unit)
    zooms = [*np.linalg.norm((RAS if sform is None else sform)[:3, :3], axis=0), 1.0]
    image.header.set_zooms(zooms[: image.ndim])
    image.set_sform(sform, code=0 if sform is None else 1)
    image.set_qform(qform, code=0 if qform is None else 1)
    nibabel.save(image, path)
    return path


def load(path, **kwargs):
    return ct.load_ct(path, progress=False, **kwargs)


def bright(subject):
    values = subject.volume.data[0].numpy()
    return place(
        subject.lps_from_world.numpy() @ subject.volume.affine, np.unravel_index(values.argmax(), values.shape)
    )


@pytest.mark.parametrize(("unit", "mm"), [("micron", 1e-3), ("mm", 1.0), ("meter", 1e3)])
def test_units_of_length_become_millimetres(tmp_path, unit, mm):
    scaled = RAS.copy()
    scaled[:3] /= mm
    subject = load(nifti(tmp_path / "a.nii.gz", sform=scaled, unit=unit))
    np.testing.assert_allclose(bright(subject), place(grid(), BRIGHT), atol=1e-3)
    assert any(unit in note for note in subject.notes) == (mm != 1)


def test_neither_sform_nor_qform_is_said(tmp_path):
    notes = " ".join(load(nifti(tmp_path / "a.nii", sform=None)).notes)
    assert "neither sform nor qform" in notes and "left and right" in notes


def test_a_contradiction_of_sform_and_qform_is_said(tmp_path):
    moved = RAS.copy()
    moved[:3, 3] += 30
    subject = load(nifti(tmp_path / "a.nii", qform=moved))
    assert "contradict" in " ".join(subject.notes)
    np.testing.assert_allclose(bright(subject), place(grid(), BRIGHT), atol=1e-3)
    assert not load(nifti(tmp_path / "b.nii", qform=RAS)).notes


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (phantom()[..., :1], "single slice"),
        (phantom()[..., 5], "2 dimensions"),
        (phantom().astype(np.complex64), "complex"),
        (np.zeros((16, 12, 24), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colours"),
        (np.stack([phantom()] * 3, -1), "3 channels"),
    ],
)
def test_what_is_no_volume_is_refused(tmp_path, values, words):
    with pytest.raises(ct.CTError, match=words):
        load(nifti(tmp_path / "a.nii", values))


@pytest.mark.parametrize("spacing", [0.002, 30.0])
def test_a_spacing_that_no_patient_has_is_refused(tmp_path, spacing):
    with pytest.raises(ct.CTError, match="unit of length"):
        load(nifti(tmp_path / "a.nii", sform=np.diag([spacing, spacing, 2.5, 1])))


def test_an_extent_that_no_patient_has_is_refused(tmp_path):
    with pytest.raises(ct.CTError, match="no part of a patient"):
        load(nifti(tmp_path / "a.nii", sform=np.diag([0.1, 0.1, 0.1, 1])))


@pytest.mark.parametrize("suffix", ["nrrd", "mha"])
def test_other_formats_lie_where_they_were_written(tmp_path, suffix):
    image = sitk.GetImageFromArray(phantom().T.copy())
    image.SetSpacing((0.8, 0.8, 2.5))
    image.SetOrigin(grid()[:3, 3])
    sitk.WriteImage(image, str(tmp_path / f"a.{suffix}"))
    np.testing.assert_allclose(bright(load(tmp_path / f"a.{suffix}")), place(grid(), BRIGHT), atol=1e-3)


def nrrd(path, space, units):
    head = ["NRRD0004", "type: short", "dimension: 3", "sizes: 16 12 24", "encoding: raw", "endian: little"]
    head += [space] if space else []
    head += ["space directions: (0.8,0,0) (0,0.8,0) (0,0,2.5)", "space origin: (-17.3,42.1,-803.7)"] if space else []
    head += [f"space units: {units}"] if units else []
    head += [] if space else ["spacings: 0.8 0.8 2.5"]
    path.write_bytes("\n".join(head).encode() + b"\n\n" + phantom().tobytes(order="F"))
    return path


def test_a_nrrd_says_its_space_and_its_units(tmp_path):
    straight = load(nrrd(tmp_path / "a.nrrd", "space: left-posterior-superior", '"mm" "mm" "mm"'))
    np.testing.assert_allclose(bright(straight), place(grid(), BRIGHT), atol=1e-3)
    assert not straight.notes
    ras = load(nrrd(tmp_path / "b.nrrd", "space: right-anterior-superior", ""))
    np.testing.assert_allclose(bright(ras), place(grid(), BRIGHT) * [-1, -1, 1], atol=1e-3)
    assert "no space" in " ".join(load(nrrd(tmp_path / "c.nrrd", "", "")).notes)
    with pytest.raises(ct.CTError, match=r"unit of length|no part of a patient"):
        load(nrrd(tmp_path / "d.nrrd", "space: left-posterior-superior", '"m" "m" "m"'))
    with pytest.raises(ct.CTError, match="furlong"):
        load(nrrd(tmp_path / "e.nrrd", "space: left-posterior-superior", '"furlong" "furlong" "furlong"'))


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "a.npy").write_bytes(b"123")
    with pytest.raises(ct.CTError, match="convert it to NIfTI"):
        load(tmp_path / "a.npy")
