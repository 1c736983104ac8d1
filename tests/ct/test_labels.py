"""Label maps: whole numbers, names in any of the usual forms, another grid only when asked."""

import json

import highdicom
import numpy as np
import pandas as pd
import pytest
from dicom_series import grid, phantom, save, slice_dataset, write_series
from pydicom.sr.codedict import codes
from test_files import RAS, nifti

from diffpose_nb import ct

NAMES = [(3, "vertebrae_L3"), (7, "liver")]


def labels():
    values = np.zeros((16, 12, 24), np.uint8)
    values[4:7, 3:6, 5:9] = 3
    values[8:12, 3:6, 12:18] = 7
    return values


def load(tmp_path, values, **kwargs):
    nifti(tmp_path / "ct.nii")
    nifti(tmp_path / "labels.nii", values, sform=kwargs.pop("sform", RAS))
    return ct.load_ct(tmp_path / "ct.nii", tmp_path / "labels.nii", progress=False, **kwargs)


def test_floats_a_hair_off_are_rounded(tmp_path):
    rng = np.random.default_rng(0)
    subject = load(tmp_path, (labels() + rng.uniform(-3e-5, 3e-5, labels().shape)).astype(np.float32))
    np.testing.assert_array_equal(subject.mask.data[0], labels())


@pytest.mark.parametrize(
    ("change", "words"),
    [(lambda v: v * 0.5, "whole numbers"), (lambda v: v - 1.0, "0 or more"), (lambda v: v * np.nan, "NaN")],
)
def test_what_is_no_label_is_refused(tmp_path, change, words):
    with pytest.raises(ct.CTError, match=words):
        load(tmp_path, change(labels().astype(np.float32)).astype(np.float32))


@pytest.mark.parametrize(
    "structures",
    [
        pd.DataFrame(NAMES, columns=["id", "structure"]),
        pd.DataFrame(NAMES, columns=["label", "name"]),
        pd.DataFrame([(str(n), s) for n, s in NAMES], columns=["Label", "Name"]),
        dict(NAMES),
        {name: number for number, name in NAMES},
        {str(number): name for number, name in NAMES},
    ],
    ids=["ours", "label and name", "ids as text", "numbers to names", "names to numbers", "texts to names"],
)
def test_names_in_any_usual_form(tmp_path, structures):
    subject = load(tmp_path, labels(), structures=structures)
    assert subject.structures["id"].tolist() == [3, 7]
    assert ct.landmarks(subject).name.tolist() == ["vertebrae_L3", "liver"]


def test_names_from_a_file_of_totalsegmentator_or_nnunet(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(dict(NAMES)))
    (tmp_path / "b.json").write_text(json.dumps({"labels": {"background": 0, "vertebrae_L3": 3, "liver": 7}}))
    for name in ("a.json", "b.json"):
        found = load(tmp_path, labels(), structures=tmp_path / name).structures
        assert found.set_index("structure")["id"]["liver"] == 7


@pytest.mark.parametrize(
    ("structures", "words"),
    [
        (pd.DataFrame({"id": [1], "colour": ["red"]}), "structure is missing"),
        (pd.DataFrame({"id": ["one"], "structure": ["a"]}), "whole numbers"),
        (pd.DataFrame({"id": [1, 1], "structure": ["a", "b"]}), "two names"),
        ({"a": "b"}, "neither"),
    ],
)
def test_names_that_make_no_sense_are_refused(tmp_path, structures, words):
    with pytest.raises(ct.CTError, match=words):
        load(tmp_path, labels(), structures=structures)


def test_another_grid_is_resampled_when_asked(tmp_path):
    """Every second layer, in a grid that is turned: where it has a label, the CT's voxels have it too."""
    coarse, turned = labels()[::-1, :, ::2], RAS @ np.diag([-1.0, 1, 2, 1])
    turned[:3, 3] = (RAS @ [15, 0, 0, 1])[:3]
    with pytest.raises(ct.CTError, match="resample_labels=True"):
        load(tmp_path, coarse, sform=turned)
    subject = load(tmp_path, coarse, sform=turned, resample_labels=True)
    np.testing.assert_array_equal(subject.mask.data[0][..., ::2], labels()[..., ::2])
    assert "nearest label" in subject.notes[-1]
    away = RAS.copy()
    away[:3, 3] += 500
    with pytest.raises(ct.CTError, match="does not overlap the CT"):
        load(tmp_path, labels(), sform=away, resample_labels=True)


def segmentation(folder, tilt=0.0):
    """The labels as a DICOM SEG of a series that is in the folder, by highdicom."""
    matrix = grid(tilt=tilt)
    sources = [slice_dataset(phantom(), matrix, k) for k in range(24)]
    for source in sources:
        source.PatientBirthDate = source.PatientSex = source.StudyDate = source.StudyTime = source.AccessionNumber = ""
        source.StudyID = ""
    pixels = np.stack([labels() == 3, labels() == 7], -1).transpose(2, 1, 0, 3).astype(np.uint8)
    about = [
        highdicom.seg.SegmentDescription(
            segment_number=n,
            segment_label=name,
            segmented_property_category=codes.SCT.AnatomicalStructure,
            segmented_property_type=codes.SCT.Bone,
            algorithm_type="MANUAL",
        )
        for n, (_, name) in enumerate(NAMES, 1)
    ]
    return highdicom.seg.Segmentation(
        sources, pixels, "BINARY", about, highdicom.UID(), 9, highdicom.UID(), 1, "M", "M", "1", "1"
    )


def test_a_dicom_segmentation_is_read_with_its_names(tmp_path):
    series = write_series(tmp_path / "ct", phantom(), grid())
    segmentation(tmp_path).save_as(tmp_path / "seg.dcm")
    subject = ct.load_ct(series, tmp_path / "seg.dcm", progress=False)
    expected = np.where(labels() == 3, 1, np.where(labels() == 7, 2, 0))
    np.testing.assert_array_equal(subject.mask.data[0], expected)
    assert subject.structures.values.tolist() == [[1, "vertebrae_L3"], [2, "liver"]]


def test_contours_are_refused_with_the_way_to_convert_them(tmp_path):
    series = write_series(tmp_path / "ct", phantom(), grid())
    save(slice_dataset(phantom(), grid(), 0, Modality="RTSTRUCT"), tmp_path / "contours.dcm")
    with pytest.raises(ct.CTError, match="3D Slicer"):
        ct.load_ct(series, tmp_path / "contours.dcm", progress=False)
