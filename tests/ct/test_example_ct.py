"""The example CT comes from the disk as if it had been read, and whoever changes it changes only his own."""

import nibabel
import numpy as np
import pytest
import torch

from diffpose_nb import ct
from diffpose_nb.ct import load

AFFINE = np.array([[-0.8, 0, 0, 30], [0, 0.8, 0.1, -40], [0, 0, 2.5, 900], [0, 0, 0, 1.0]])
NUDGE = np.array([[0, 0, 0, 1e-3], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
ITEMS = ("volume", "density", "mask", "structures", "lps_from_world", "notes", "orientation", "reorient", "fiducials")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A small CT in the example's place, and an empty folder to keep it in."""
    source, folder = tmp_path / "source", tmp_path / "kept"
    source.mkdir()
    _write(source, 40)
    monkeypatch.setattr(load, "EXAMPLE_CT", source / "cxr.nii.gz")
    monkeypatch.setenv("DIFFPOSE_NB_CACHE", str(folder))
    return folder


def _write(source, value):
    hounsfield = np.full((10, 12, 8), -1000, np.int16)
    hounsfield[2:8, 3:9, 1:6] = value
    labels = (hounsfield == value).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(hounsfield, AFFINE), source / "cxr.nii.gz")
    nibabel.save(nibabel.Nifti1Image(labels, AFFINE + NUDGE), source / "mask.nii.gz")  # nearly on the CT's grid
    (source / "structures.csv").write_text("id,structure,group\n1,cube,bones\n")


@pytest.fixture
def reads(monkeypatch):
    """Grows by one whenever the files are read."""
    made, plain = [], load.load_ct
    monkeypatch.setattr(load, "load_ct", lambda *args, **kwargs: made.append(1) or plain(*args, **kwargs))
    return made


def assert_same(first, second):
    assert list(first) == list(second) == list(ITEMS)
    for name in ("volume", "density", "mask"):
        one, other = first[name], second[name]
        assert type(one) is type(other) and one.data.dtype == other.data.dtype
        assert torch.equal(one.data, other.data)
        assert np.array_equal(one.affine, other.affine)
    assert torch.equal(first["lps_from_world"], second["lps_from_world"])
    assert first["structures"].equals(second["structures"])
    assert first["notes"] == second["notes"]


def test_from_the_disk_as_from_the_files(place, reads):
    source = load.EXAMPLE_CT
    read = ct.load_ct(source, source.with_name("mask.nii.gz"), structures=ct.example()["structures"], progress=False)
    kept = ct.example()
    assert len(reads) == 1, "the second call reads nothing"
    assert_same(kept, read)


def test_the_shipped_ct_too(example):
    folder = ct.EXAMPLE_CT.parent
    read = ct.load_ct(
        ct.EXAMPLE_CT,
        folder / "mask.nii.gz",
        structures=folder.joinpath("names") and example["structures"],
        progress=False,
    )
    assert_same(example, read)


def test_changes_stay_with_whoever_made_them(place):
    ct.example()
    mine = ct.example()
    mine["density"].data.fill_(7.0)
    mine["volume"].data[0, 0, 0, 0] = 3000
    mine["volume"].affine[0, 3] += 5
    theirs = ct.example()
    assert theirs["density"].data.max() < 1
    assert theirs["volume"].data[0, 0, 0, 0] == -1000
    assert theirs["volume"].affine[0, 3] != mine["volume"].affine[0, 3]


def test_another_file_is_read_anew_and_replaces_the_old_one(place, reads):
    ct.example()
    _write(load.EXAMPLE_CT.parent, 60)
    assert ct.example()["volume"].data.max() == 60
    assert len(reads) == 2 and len(list(place.iterdir())) == 1
