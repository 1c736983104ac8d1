"""Series as they arrive: each slice stays where it is, or the series is refused with the files named."""

import numpy as np
import pytest
import torch
from dicom_series import (
    BRIGHT,
    enhanced,
    grid,
    phantom,
    place,
    save,
    slice_dataset,
    write_scout,
    write_series,
)

from diffpose_nb import ct
from diffpose_nb.camera import transform_points

OBLIQUE = np.linalg.qr(np.array([[0.9, 0.3, -0.1], [-0.2, 0.8, 0.4], [0.25, -0.3, 0.9]]))[0]
OBLIQUE = OBLIQUE * np.sign(np.diag(OBLIQUE))
OBLIQUE[:, 2] *= np.linalg.det(OBLIQUE)


def bright(subject):
    """DICOM patient coordinates of the brightest voxel."""
    values = subject.volume.data[0]
    voxel = torch.nonzero(values == values.max()).double().mean(0, keepdim=True)
    world = transform_points(torch.from_numpy(subject.volume.affine), voxel)
    return transform_points(subject.lps_from_world, world)[0].numpy()


def load(folder):
    return ct.load_ct(folder, progress=False)


def refused(folder, *words):
    with pytest.raises(ct.CTError) as caught:
        load(folder)
    message = str(caught.value)
    assert str(folder) in message or folder.name in message
    for word in words:
        assert word in message, message
    assert "Secret" not in message and "SECRET" not in message


def in_place(subject, matrix, notes=()):
    """The bright voxel lies where it was written, with the value it had, and the notes say what they should."""
    np.testing.assert_allclose(bright(subject), place(matrix, BRIGHT), atol=1e-3)
    assert subject.volume.data.max() == 1500 and subject.volume.data.min() == -1000
    said = " ".join(subject.notes)
    assert bool(said) == bool(notes), said
    for word in notes:
        assert word in said, said


@pytest.mark.parametrize("rotation", [None, OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_whole_series(tmp_path, rotation, direction):
    matrix = grid(rotation)
    in_place(load(write_series(tmp_path / "s", phantom(), matrix, range(24)[::direction])), matrix)


def test_one_slice_missing_is_filled_in_and_said(tmp_path):
    matrix = grid()
    subject = load(write_series(tmp_path / "s", phantom(), matrix, [k for k in range(24) if k != 9]))
    in_place(subject, matrix, ["gap of 5 mm", "008", "010"])
    assert subject.volume.shape[-1] == 24


def test_many_slices_missing_are_refused(tmp_path):
    folder = write_series(tmp_path / "s", phantom(), grid(), [k for k in range(24) if not 8 <= k < 14])
    refused(folder, "17.5 mm", "_007", "_014", "missing")


def test_two_slice_distances_are_not_stretched(tmp_path):
    """1.25 mm below, 5 mm above."""
    matrix = grid(spacing=(0.8, 0.8, 1.25))
    kept = [*range(16), *range(19, 24, 4)]
    in_place(
        load(write_series(tmp_path / "s", phantom(), matrix, kept)), matrix, ["from 1.25 to 5 mm", "interpolation"]
    )


@pytest.mark.parametrize("tilt", [3.0, 18.0, -25.0])
def test_a_tilted_gantry_is_kept(tmp_path, tilt):
    matrix = grid(OBLIQUE, tilt)
    subject = load(write_series(tmp_path / "s", phantom(), matrix))
    in_place(subject, matrix, [f"{abs(tilt):.1f}°"])


@pytest.mark.parametrize("kind", ["LOCALIZER", "AXIAL"])
def test_a_scout_is_left_out(tmp_path, kind):
    matrix = grid()
    folder = write_series(tmp_path / "s", phantom(), matrix)
    write_scout(folder, image_type=("ORIGINAL", "PRIMARY", kind))
    in_place(load(folder), matrix, ["scout.dcm"])


@pytest.mark.parametrize("same_uid", [True, False])
def test_a_copy_is_left_out(tmp_path, same_uid):
    matrix = grid()
    folder = write_series(tmp_path / "s", phantom(), matrix)
    copy = slice_dataset(phantom(), matrix, 7)
    if not same_uid:
        copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4.5.6"
    save(copy, folder / "zz_copy.dcm")
    in_place(load(folder), matrix, ["copies", "zz_copy"])


def test_a_copy_that_differs_is_refused(tmp_path):
    folder = write_series(tmp_path / "s", phantom(), grid())
    save(slice_dataset(phantom() + 5, grid(), 7), folder / "other.dcm")
    refused(folder, "other.dcm", "different pixels")


def test_two_phases_in_one_series_are_refused(tmp_path):
    folder = write_series(tmp_path / "s", phantom(), grid(), AcquisitionNumber=1)
    write_series(folder / "more", phantom() + 3, grid(), AcquisitionNumber=2)
    for file in (folder / "more").iterdir():
        file.rename(folder / f"second_{file.name}")
    (folder / "more").rmdir()
    refused(folder, "AcquisitionNumber", "phases")


def test_each_slice_has_its_own_rescale(tmp_path):
    matrix, folder = grid(), tmp_path / "s"
    folder.mkdir()
    for k in range(24):
        how = [{"intercept": -1024}, {"intercept": -2000, "slope": 0.5}, {"intercept": 0, "signed": True}][k % 3]
        save(slice_dataset(phantom(), matrix, k, **how), folder / f"{k}.dcm", compressed=k % 2 == 0)
    subject = load(folder)
    in_place(subject, matrix)
    np.testing.assert_array_equal(subject.volume.data[0].numpy(), phantom())


@pytest.mark.parametrize("tag", ["ImagePositionPatient", "PixelSpacing", "ImageOrientationPatient"])
def test_a_tag_that_is_missing_is_named(tmp_path, tag):
    folder = write_series(tmp_path / "s", phantom(), grid(), **{tag: None})
    refused(folder, {"I": "(0020,003", "P": "(0028,0030)"}[tag[0]], "missing")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"PixelSpacing": ["0.9", "0.9"]}, "pixel spacing"),
        ({"ImageOrientationPatient": ["1", "0", "0", "0", "0.9962", "0.0872"]}, "orientation"),
    ],
)
def test_a_change_half_way_is_refused(tmp_path, change, word):
    folder = write_series(tmp_path / "s", phantom(), grid(), range(12))
    write_series(folder, phantom(), grid(), range(12, 24), **change)
    refused(folder, word, "two scans")


def test_a_missing_rescale_is_said_or_refused(tmp_path):
    folder = write_series(tmp_path / "all", phantom(), grid(), RescaleSlope=None, intercept=0.0, signed=True)
    in_place(load(folder), grid(), ["taken as stored"])
    some = write_series(tmp_path / "some", phantom(), grid(), range(20))
    write_series(some, phantom(), grid(), range(20, 24), RescaleIntercept=None)
    refused(some, "_020", "(0028,1052)")
    zero = write_series(tmp_path / "zero", phantom(), grid(), RescaleSlope="0")
    refused(zero, "(0028,1053) is 0")


def test_slices_that_wander_are_refused(tmp_path):
    folder = write_series(tmp_path / "s", phantom(), grid(), [k for k in range(24) if k != 5])
    moved = grid()
    moved[0, 3] += 2
    save(slice_dataset(phantom(), moved, 5), folder / "moved.dcm")
    refused(folder, "moved.dcm", "2 mm beside")


def test_two_series_are_refused_and_other_files_left_out(tmp_path):
    matrix = grid()
    folder = write_series(tmp_path / "s", phantom(), matrix)
    (folder / "notes.txt").write_text("hello")
    save(slice_dataset(phantom(), matrix, 3, Modality="SEG", SeriesInstanceUID="1.9"), folder / "seg.dcm")
    in_place(load(folder), matrix, ["1 file (SEG)", "1 file (no DICOM)"])
    second = tmp_path / "two"
    write_series(second, phantom(), matrix)
    for k in range(5):
        save(slice_dataset(phantom(), matrix, k, SeriesInstanceUID="9.9"), second / f"other{k}.dcm")
    refused(second, "2 CT series", "24 slices", "5 slices")


@pytest.mark.parametrize("modality", ["MR", "PT", "RTDOSE", "SEG", "RTSTRUCT"])
def test_what_is_no_ct_is_refused_by_what_it_is(tmp_path, modality):
    refused(write_series(tmp_path / "s", phantom(), grid(), Modality=modality), modality, "no CT slices")


def test_a_sop_class_of_an_anonymiser_is_read(tmp_path):
    matrix = grid()
    in_place(load(write_series(tmp_path / "s", phantom(), matrix, SOPClassUID="1.2.3.999.1")), matrix)


def test_a_single_slice_is_no_volume(tmp_path):
    refused(write_series(tmp_path / "s", phantom(), grid(), [4]), "single slice")


def test_padding_counts_as_air(tmp_path):
    values = phantom()
    values[:2] = 3000
    folder = write_series(tmp_path / "s", values, grid(), PixelPaddingValue=4024)
    subject = load(folder)
    assert subject.volume.data[0, :2].eq(-1000).all() and "padding" in " ".join(subject.notes)


def test_pixels_that_were_cut_off_are_refused(tmp_path):
    folder = write_series(tmp_path / "s", phantom(), grid())
    file = sorted(folder.iterdir())[3]
    file.write_bytes(file.read_bytes()[:-100])
    refused(folder, file.name)


@pytest.mark.parametrize("rotation", [None, OBLIQUE], ids=["straight", "oblique"])
def test_one_file_of_many_frames(tmp_path, rotation):
    """Frames in any order, each with its own place and rescale."""
    matrix = grid(rotation)
    order = np.random.default_rng(0).permutation(24)
    save(
        enhanced(phantom(), matrix, intercepts=[-1024.0] * 12 + [-1500.0] * 12, order=order),
        tmp_path / "e.dcm",
    )
    in_place(load(tmp_path / "e.dcm"), matrix)


def test_frames_without_places_are_refused(tmp_path):
    dataset = enhanced(phantom(), grid())
    del dataset.PerFrameFunctionalGroupsSequence
    save(dataset, tmp_path / "e.dcm")
    refused(tmp_path / "e.dcm", "24 frames", "(5200,9230)")
