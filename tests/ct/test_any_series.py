"""Series drawn at random: the bright voxel and the corners are where they were written, or the series is refused."""

import os
import shutil
from itertools import product

import numpy as np
import pytest
from dicom_series import enhanced, grid, place, save, slice_dataset, write_scout
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from diffpose_nb import ct

SERIES = int(os.environ.get("SERIES", "600"))
"""Of so many, whatever may happen to a series, alone, happens to thirty or more."""
SHAPE = (7, 5, 9)
STEP = 2.5


def draw(rng):
    """A phantom, its grid, and which slices are kept."""
    values = np.full(SHAPE, -1000, np.int16)
    values[1:6, 1:4, 1:8] = rng.integers(0, 80, (5, 3, 7))
    bright = tuple(int(rng.integers(1, n - 1)) for n in SHAPE)
    values[bright] = 1500
    rotation = Rotation.random(random_state=int(rng.integers(2**31))).as_matrix() if rng.random() < 0.6 else np.eye(3)
    tilt = float(rng.uniform(-25, 25)) if rng.random() < 0.3 else 0.0
    spacing = (*rng.uniform(3, 5, 2).round(4), STEP)
    matrix = grid(rotation, tilt, spacing)
    matrix[:3, 3] = rng.uniform(-500, 500, 3).round(3)
    if rng.random() < 0.3:  # slices that run against their own normal
        matrix[:3, 2] *= -1
    keep = list(range(SHAPE[2]))
    if rng.random() < 0.3:
        lost = rng.choice([k for k in keep[1:-1] if k != bright[2]], int(rng.integers(1, 4)), replace=False)
        keep = [k for k in keep if k not in lost]
    return values, bright, matrix, keep


def write(rng, folder, values, matrix, keep):
    """As a series with whatever happens to series, or as one file of many frames; returns what to load."""
    if rng.random() < 0.2:
        order = rng.permutation(len(keep))
        save(enhanced(values, matrix, keep, order=order), folder / "enhanced.dcm", compressed=rng.random() < 0.3)
        return folder / "enhanced.dcm"
    names = rng.permutation(len(keep))
    for name, k in zip(names, keep, strict=True):
        signed = bool(rng.random() < 0.3)
        how = {"signed": signed, "intercept": int(rng.integers(-2048, 0 if signed else -1000))}
        how["slope"] = float(rng.choice([1.0, 0.5]))
        save(slice_dataset(values, matrix, k, **how), folder / f"{name:03}", compressed=rng.random() < 0.1)
        if rng.random() < 0.03:
            shutil.copy(folder / f"{name:03}", folder / f"copy_{name:03}")
    if rng.random() < 0.2:
        write_scout(folder)
    return folder


def check(subject, values, bright, matrix, keep):
    """Where the brightest voxel and the first and last voxel are, in the scanner's coordinates."""
    lps_from_voxel = subject.lps_from_world.numpy() @ subject.volume.affine
    read = subject.volume.data[0].numpy()
    found = np.unravel_index(read.argmax(), read.shape)
    assert read.max() == 1500
    np.testing.assert_allclose(place(lps_from_voxel, found), place(matrix, bright), atol=1e-3)
    wrote = [place(matrix, v) for v in product((0, SHAPE[0] - 1), (0, SHAPE[1] - 1), (keep[0], keep[-1]))]
    got = [place(lps_from_voxel, v) for v in product(*((0, n - 1) for n in read.shape))]
    assert cdist(wrote, got).min(1).max() < 1e-3, "corners"


@pytest.mark.parametrize("part", range(4))
def test_any_series_is_right_or_refused(tmp_path, part):
    refused = 0
    for n in range(SERIES // 4):
        rng = np.random.default_rng([part, n])
        values, bright, matrix, keep = draw(rng)
        folder = tmp_path / str(n)
        folder.mkdir()
        path = write(rng, folder, values, matrix, keep)
        try:
            subject = ct.load_ct(path, progress=False)
        except ct.CTError as error:
            assert np.diff(keep).max() * STEP >= 7.5, f"{part}, {n}: refused a series that has no large gap: {error}"
            refused += 1
        else:
            check(subject, values, bright, matrix, keep)
            gaps = np.diff(keep).max() > 1
            assert gaps == any("not evenly spaced" in note for note in subject.notes)
        shutil.rmtree(folder)
    assert refused < 0.2 * SERIES / 4
