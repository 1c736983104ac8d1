"""What a registration makes of the example CT is kept on the disk; of a patient's CT nothing is."""

import nibabel
import numpy as np
import pytest
import torch

from diffpose_nb import ct
from diffpose_nb.ct import load
from diffpose_nb.render.volumes import prepared


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A small CT in the example's place, and an empty folder to keep things in."""
    values = np.random.default_rng(5).integers(-1000, 1500, (12, 14, 10)).astype(np.int16)
    for name, array in (("cxr", values), ("mask", (values > 300).astype(np.uint8))):
        nibabel.save(nibabel.Nifti1Image(array, np.diag([2.0, 2.0, 3.0, 1.0])), tmp_path / f"{name}.nii.gz")
    (tmp_path / "structures.csv").write_text("id,structure,group\n1,cube,bones\n")
    monkeypatch.setattr(load, "EXAMPLE_CT", tmp_path / "cxr.nii.gz")
    monkeypatch.setenv("DIFFPOSE_NB_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def of_the_disk(place):
    return sorted(path.name for path in place.glob("example_level.*"))


COPIES = {
    "smoothed": lambda subject: prepared.smoothed(subject, 4.0, 3.0, 2.0, 0.5),
    "density": lambda subject: prepared.packed_density(subject, None, torch.float32),
    "coarse": lambda subject: prepared.packed_density(subject, 4.0, torch.float32),
}


@pytest.mark.parametrize("copy", COPIES)
def test_the_next_process_gets_the_same_bits(place, monkeypatch, copy):
    made = COPIES[copy](ct.example())
    assert len(of_the_disk(place)) == 1
    monkeypatch.setattr(prepared, "Volume", None)  # nothing is made from here on
    kept = COPIES[copy](ct.example())  # another tensor, as in another process
    assert kept.values.dtype == made.values.dtype and np.array_equal(kept.values, made.values)
    assert kept.values.flags.c_contiguous
    assert type(kept.unit) is type(made.unit) and kept.unit == made.unit
    assert np.array_equal(kept.world_from_voxel, made.world_from_voxel)


@pytest.mark.parametrize("change", ["a voxel", "the place", "a copy"])
def test_a_changed_ct_is_not_the_example(place, change):
    prepared.smoothed(ct.example(), 4.0, 3.0)
    subject = ct.example()
    if change == "a voxel":
        subject["density"].data[0, 5, 5, 5] = 1.0
    elif change == "the place":
        subject["density"].affine = subject["density"].affine + np.diag([0.5, 0, 0, 0])
    else:
        subject = ct.cut(subject, right=(-8.0, 8.0))
    found, before = prepared.smoothed(subject, 4.0, 3.0), of_the_disk(place)
    expected = prepared.smoothed_volume(subject, 4.0, 3.0).pack()
    assert np.array_equal(found.values, expected.values)
    assert len(before) == (2 if change == "the place" else 1)


def test_a_patients_ct_leaves_nothing(place):
    subject = ct.load_ct(load.EXAMPLE_CT, progress=False)
    prepared.smoothed(subject, 4.0, 3.0)
    prepared.packed_density(subject, None, torch.float32)
    assert not place.exists()


def test_double_precision_is_not_kept(place):
    prepared.packed_density(ct.example(), None, torch.float64)
    assert not of_the_disk(place)
