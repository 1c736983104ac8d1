"""Twins have exactly the published schema, are whole or not there, and differ where they should."""

import h5py
import numpy as np
import pytest
from small_chest import make_chest

from diffpose_nb import sets
from diffpose_nb.sets.pelvis import SPECIMENS
from diffpose_nb.sets.twins import pelves
from diffpose_nb.sets.twins.vessels import grow, occupancy

LANDMARKS = [f"{name}-{side}" for name in ("FH", "GSN", "IOF", "MOF", "SPS", "IPS", "ASIS") for side in "lr"]


@pytest.fixture(scope="module")
def chest():
    return make_chest()


def _write(path, chest, **kwargs):
    size = {"specimens": 2, "xrays": 2, "binning": 16, "voxel": 6.0}
    return sets.deepfluoro_twin(path, subject=chest, progress=False, **size | kwargs)


@pytest.fixture(scope="module")
def twin(tmp_path_factory, chest):
    return _write(tmp_path_factory.mktemp("twin") / "twin.h5", chest)


def test_the_groups_of_the_published_layout(twin):
    """DeepFluoroLabeling-IPCAI2020, hdf5_layouts/Readme.md."""
    image = {"pixels", "spacing", "origin", "dir-mat"}
    poses = {f"cam-to-{part}-vol" for part in ("pelvis", "left-femur", "right-femur")}
    with h5py.File(twin) as file:
        assert set(file) == {"proj-params", *SPECIMENS[:2]}
        parameters = {"extrinsic", "intrinsic", "num-cols", "num-rows", "pixel-col-spacing", "pixel-row-spacing"}
        assert set(file["proj-params"]) == parameters
        for name in SPECIMENS[:2]:
            assert set(file[name]) == {"vol", "vol-seg", "vol-landmarks", "projections"}
            assert set(file[f"{name}/vol"]) == image == set(file[f"{name}/vol-seg/image"])
            assert set(file[f"{name}/vol-seg/labels-def"]) == set("1234567")
            assert set(file[f"{name}/vol-landmarks"]) == set(LANDMARKS)
            assert file[f"{name}/vol/pixels"].dtype == np.int16 and file[f"{name}/vol/origin"].shape == (3, 1)
            assert np.array_equal(file[f"{name}/vol/dir-mat"], np.eye(3))
            for projection in file[f"{name}/projections"].values():
                assert set(projection) == {"image", "gt-landmarks", "gt-poses", "gt-seg", "rot-180-for-up"}
                assert set(projection["image"]) == image == set(projection["gt-seg"])
                assert set(projection["gt-poses"]) == poses | {"left-femur-good-fov", "right-femur-good-fov"}
                assert set(projection["gt-landmarks"]) == set(LANDMARKS)
                assert projection["gt-landmarks/FH-l"].shape == (2, 1)
                assert projection["image/pixels"].shape == (96, 96) == projection["gt-seg/pixels"].shape
                assert 20_000 < projection["image/pixels"][:].max() <= 65_535


def test_the_groups_of_ljubljana(tmp_path, chest):
    path = sets.ljubljana_twin(tmp_path / "l.h5", subjects=1, binning=32, voxel=4.0, subject=chest, progress=False)
    with h5py.File(path) as file:
        views = {"proj-ap", "proj-lat", "proj-ap-max", "proj-lat-max"}
        assert set(file["subject01"]) == {"volume", "points", *views}
        assert set(file["subject01/volume"]) == {"pixels", "spacing", "origin"}
        for view in views:
            place = file[f"subject01/{view}"]
            assert set(place) == {"pixels", "extrinsic", "intrinsic", "row-spacing", "col-spacing"}
            assert place["extrinsic"].shape == (4, 4) and place["intrinsic"].shape == (3, 3)
            assert place["pixels"].shape == (60, 75)


def test_the_2d_labels_lie_on_the_2d_landmarks(twin):
    """A rib's middle has the rib's label in front of it or behind it, in most views."""
    on_label = []
    with h5py.File(twin) as file:
        for name in SPECIMENS[:2]:
            for projection in file[f"{name}/projections"].values():
                labels = projection["gt-seg/pixels"][:]
                for landmark in LANDMARKS:
                    column, row = np.rint(projection[f"gt-landmarks/{landmark}"][:, 0]).astype(int)
                    if 2 < column < 93 and 2 < row < 93:
                        around = labels[row - 2 : row + 3, column - 2 : column + 3]
                        on_label.append((1 if landmark.endswith("-l") else 2) in around)
    assert len(on_label) > 5 and np.mean(on_label) > 0.8


def test_the_same_seed_makes_the_same_file_and_specimens_differ(twin, tmp_path, chest):
    again = _write(tmp_path / "again.h5", chest)
    other = _write(tmp_path / "other.h5", chest, seed=1)
    place = f"{SPECIMENS[0]}/projections/001/image/pixels"
    with h5py.File(twin) as a, h5py.File(again) as b, h5py.File(other) as c:
        assert np.array_equal(a[place], b[place]) and not np.array_equal(a[place], c[place])
        origins = [a[f"{name}/vol/origin"][:] for name in SPECIMENS[:2]]
        shapes = [a[f"{name}/vol/pixels"].shape for name in SPECIMENS[:2]]
    assert np.abs(origins[0] - origins[1]).max() > 10 and shapes[0] != shapes[1]


def test_a_twin_that_was_interrupted_is_not_there(tmp_path, chest, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pelves, "simulate_xray", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _write(tmp_path / "twin.h5", chest)
    assert not list(tmp_path.iterdir())


def test_arguments_that_make_no_sense(tmp_path):
    with pytest.raises(ValueError, match="specimens is 7 and binning is 4"):
        sets.deepfluoro_twin(tmp_path / "twin.h5", specimens=7)
    with pytest.raises(ValueError, match="multiple of the binning"):
        sets.deepfluoro_twin(tmp_path / "twin.h5", binning=7)


def test_vessels_branch_by_murray_s_law_within_their_reach():
    tree = grow(3, reach=60)
    assert 20 < len(tree) <= 160
    points = np.concatenate([vessel.points for vessel in tree])
    assert np.linalg.norm(points, axis=1).max() < 100
    radii = sorted({round(vessel.radius, 6) for vessel in tree}, reverse=True)
    assert np.allclose(np.array(radii[1:]) ** 3 * 2, np.array(radii[:-1]) ** 3, rtol=1e-4)
    ends = np.array([vessel.points[-1] for vessel in tree])
    for vessel in tree[1:]:  # each begins where another one ends
        assert np.linalg.norm(ends - vessel.points[0], axis=1).min() < 1e-9


def test_voxels_hold_as_much_as_the_tubes():
    """A straight tube along a diagonal: its volume, and its middle."""
    vessel = type(grow(0)[0])(np.linspace([-20.0, -15, -10], [20, 15, 10], 12), 3.0)
    share = occupancy([vessel], (60, 60, 60), 1.0)
    length = np.linalg.norm(vessel.points[-1] - vessel.points[0])
    assert share.sum() == pytest.approx(np.pi * 9 * length + 4 / 3 * np.pi * 27, rel=0.05)
    middle = (np.stack(np.nonzero(share)) * share[share > 0]).sum(1) / share.sum()
    assert np.allclose(middle, 29.5, atol=0.1)
