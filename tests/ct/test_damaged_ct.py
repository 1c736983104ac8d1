"""Damaged slices and headers: the CT is right, or noted, or refused by an error of ours; no hang, no bare traceback."""

import shutil
import warnings

import nibabel
import numpy as np
import pydicom
import pytest
from dicom_series import grid, place, save, slice_dataset
from pydicom.datadict import tag_for_keyword

from diffpose_nb import ct

TAGS, BYTES, NIFTI = 1000, 700, 300
SHAPE, BRIGHT = (7, 5, 8), (4, 2, 5)
GEOMETRY = ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns"]
OTHERS = ["RescaleSlope", "RescaleIntercept", "Modality", "SeriesInstanceUID", "BitsAllocated", "PixelRepresentation"]
OTHERS += ["SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "ImageType", "PixelPaddingValue"]
STRANGE = [
    "",
    "nan",
    "inf",
    "-1",
    "0",
    "1e9",
    "abc",
    "1\\2",
    "1\\2\\3\\4\\5\\6\\7",
    "0\\0\\0\\0\\0\\0",
    "-0.8\\0.8",
    "\\\\",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    values = np.full(SHAPE, -1000, np.int16)
    values[1:6, 1:4, 1:7] = 40
    values[BRIGHT] = 1500
    for k in range(SHAPE[2]):
        save(slice_dataset(values, grid(spacing=(4, 4, 2.5)), k), folder / f"{k}.dcm")
    nibabel.save(nibabel.Nifti1Image(values, np.diag([4.0, 4, 2.5, 1])), folder.parent / "whole.nii")
    return folder


def outcome(path):
    """The subject, or None if it was refused; anything but an error of ours fails the test."""
    try:
        return ct.load_ct(path, progress=False)
    except ct.CTError as error:
        assert len(str(error)) > 30
        return None


def bright(subject):
    values = subject.volume.data[0].numpy()
    lps_from_voxel = subject.lps_from_world.numpy() @ subject.volume.affine
    return place(lps_from_voxel, np.unravel_index(values.argmax(), values.shape)), values.max()


def change_a_tag(rng, path):
    keyword = str(rng.choice(GEOMETRY if rng.random() < 0.6 else OTHERS))
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
        if rng.random() < 0.25:
            dataset.pop(tag_for_keyword(keyword), None)
        else:
            strange = str(rng.choice(STRANGE)).encode()
            tag = tag_for_keyword(keyword)
            vr = pydicom.datadict.dictionary_VR(tag)
            if vr == "US":
                dataset[tag] = pydicom.DataElement(tag, "US", int(rng.choice([0, 1, 3, 7, 60000])))
            else:
                dataset[tag] = pydicom.dataelem.RawDataElement(tag, vr, len(strange), strange, 0, False, True)
        dataset.save_as(path)
    return keyword


def test_damaged_tags(whole, tmp_path):
    """Of one slice or of all of them."""
    right = refused = 0
    for n in range(TAGS):
        rng = np.random.default_rng(n)
        folder = tmp_path / str(n)
        shutil.copytree(whole, folder)
        some = [int(rng.integers(SHAPE[2]))] if rng.random() < 0.7 else range(SHAPE[2])
        state = rng.bit_generator.state
        for k in some:
            rng.bit_generator.state = state  # the same damage to each
            try:
                keyword = change_a_tag(rng, folder / f"{k}.dcm")
            except Exception:  # pydicom will not write it
                break
        else:
            subject = outcome(folder)
            refused += subject is None
            if subject is not None and keyword in GEOMETRY:
                place_found, value = bright(subject)
                there = np.allclose(place_found, place(grid(spacing=(4, 4, 2.5)), BRIGHT), atol=1e-3) and value == 1500
                moved_as_a_whole = len(list(some)) > 1 or keyword in ("Rows", "Columns")
                assert there or subject.notes or moved_as_a_whole, (
                    f"{n}: {keyword} moved the anatomy and nothing is said"
                )
                right += there
        shutil.rmtree(folder)
    assert right > 20 and refused > 0.3 * TAGS


def test_damaged_bytes(whole, tmp_path):
    """Flipped, cut off, zeroed: pixels may differ, but nothing escapes."""
    for n in range(BYTES):
        rng = np.random.default_rng(10_000 + n)
        folder = tmp_path / str(n)
        shutil.copytree(whole, folder)
        path = folder / f"{rng.integers(SHAPE[2])}.dcm"
        content = bytearray(path.read_bytes())
        kind = rng.integers(3)
        if kind == 0:
            for _ in range(int(rng.integers(1, 8))):
                content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            del content[int(rng.integers(1, len(content))) :]
        else:
            start = int(rng.integers(len(content)))
            content[start : start + 16] = bytes(min(16, len(content) - start))
        path.write_bytes(bytes(content))
        outcome(folder)
        shutil.rmtree(folder)


def test_damaged_nifti(whole, tmp_path):
    content = (whole.parent / "whole.nii").read_bytes()
    for n in range(NIFTI):
        rng = np.random.default_rng(20_000 + n)
        damaged = bytearray(content)
        for _ in range(int(rng.integers(1, 5))):
            damaged[int(rng.integers(352))] = int(rng.integers(256))
        if rng.random() < 0.2:
            del damaged[int(rng.integers(1, len(damaged))) :]
        (tmp_path / "a.nii").write_bytes(bytes(damaged))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcome(tmp_path / "a.nii")
