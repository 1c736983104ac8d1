"""DeepFluoro's reader on a twin: geometry by the file's own formula and by other programs, traps, and errors."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from diffdrr.drr import DRR
from small_chest import make_chest

from diffpose_nb import frames, sets
from diffpose_nb.sets.pelvis import FILE, SPECIMENS

REFERENCE = Path(__file__).parents[1] / "reference" / "diffpose.npz"


@pytest.fixture(scope="module")
def chest():
    return make_chest()


@pytest.fixture(scope="module")
def twin(tmp_path_factory, chest):
    path = tmp_path_factory.mktemp("deepfluoro") / FILE
    return sets.deepfluoro_twin(path, specimens=2, xrays=6, binning=16, voxel=6.0, subject=chest, progress=False)


@pytest.fixture
def copy(twin, tmp_path):
    """A copy of the twin that a test may spoil, no longer said to be a twin."""
    path = tmp_path / FILE
    path.write_bytes(twin.read_bytes())
    with h5py.File(path, "r+") as file:
        del file.attrs["about"]
    return path


def _views(path, **kwargs):
    for patient in sets.deepfluoro(path, **kwargs).patients:
        for xray in patient.xrays:
            yield patient, xray


def _landmarks(patient):
    return torch.tensor(patient.landmarks()[["x", "y", "z"]].to_numpy(copy=True))


def test_landmarks_project_where_the_file_s_own_formula_says(twin):
    """pixel = K · extrinsic · inverse(cam-to-pelvis-vol) · x, then turned by 180° if the flag says so, then cropped."""
    turned = 0
    with h5py.File(twin) as file:
        k, extrinsic = (file[f"proj-params/{name}"][:].astype(float) for name in ("intrinsic", "extrinsic"))
        n = int(file["proj-params/num-rows"][()])
        for patient, xray in _views(twin, edge=6 * 16 * 0.194):
            projection = file[f"{patient.name}/projections/{xray.name}"]
            p = k @ (extrinsic @ np.linalg.inv(projection["gt-poses/cam-to-pelvis-vol"][:].astype(float)))[:3]
            points = np.stack([file[f"{patient.name}/vol-landmarks/{name}"][:, 0] for name in patient.landmarks().name])
            homogeneous = np.c_[points, np.ones(len(points))].astype(float) @ p.T
            expected = homogeneous[:, :2] / homogeneous[:, 2:]
            if projection["rot-180-for-up"][()]:
                turned += 1
                expected = n - 1 - expected
            camera = xray.read().camera
            assert camera.shape == (n - 12, n - 12)
            found = camera.project(_landmarks(patient), xray.standard.world_from_camera)
            np.testing.assert_allclose(found, expected - 6, atol=1e-3)
    assert 2 <= turned <= 10


def test_the_published_landmarks_are_those_projections(twin):
    """As the set publishes them, in the image as it is stored: (column, row), perhaps outside."""
    outside = 0
    with h5py.File(twin) as file:
        n = int(file["proj-params/num-rows"][()])
        for patient, xray in _views(twin, edge=0):
            projection = file[f"{patient.name}/projections/{xray.name}"]
            found = xray.read().camera.project(_landmarks(patient), xray.standard.world_from_camera)
            for name, pixel in zip(patient.landmarks().name, found, strict=True):
                stored = projection[f"gt-landmarks/{name}"][:, 0].astype(float)
                stored = n - 1 - stored if projection["rot-180-for-up"][()] else stored
                np.testing.assert_allclose(pixel, stored, atol=1e-3)
                outside += not np.all((stored > 0) & (stored < n))
    assert outside  # as in the published set


def test_through_diffdrr_and_nanodrr(twin):
    """The camera and the pose, given to DiffDRR 0.6.1 and to nanodrr, project the landmarks to the same pixels."""
    for patient, xray in list(_views(twin))[::3]:
        camera, pose, points = xray.read().camera, xray.standard.world_from_camera, _landmarks(patient)
        expected = camera.project(points, pose)
        drr = DRR(patient.subject(), **camera.to_diffdrr()).double()
        theirs = drr.perspective_projection(frames.to_diffdrr(pose).to(torch.float64), points[None])[0] - 0.5
        torch.testing.assert_close(theirs, expected, atol=2e-3, rtol=0)  # its poses are float32
        nano = pytest.importorskip("nanodrr.drr").DRR(**camera.to_nanodrr())
        ends = frames.transform_points(frames.to_nanodrr(pose)[0].double(), nano.tgt[0].double())  # pixel after pixel
        rows, columns = (torch.arange(n, dtype=torch.float64) for n in camera.shape)
        pixels = torch.cartesian_prod(rows, columns).flip(-1)
        torch.testing.assert_close(camera.project(ends, pose), pixels, atol=2e-3, rtol=0)


def test_as_diffdrr_0_3_9_and_diffpose_projected_it(copy):
    """Their stored results for published matrices (tests/reference), through a file and the reader."""
    with np.load(REFERENCE) as stored:
        reference = {name: stored[name] for name in stored if name.startswith("df_")}
    with h5py.File(copy, "r+") as file:
        parameters, specimen = file["proj-params"], file[SPECIMENS[0]]
        for name, value in {
            "intrinsic": reference["df_intrinsic"],
            "extrinsic": reference["df_extrinsic"],
            "num-rows": 192.0,
            "num-cols": 192.0,
            "pixel-row-spacing": 0.194 * 8,
            "pixel-col-spacing": 0.194 * 8,
        }.items():
            del parameters[name]
            parameters[name] = value
        specimen["vol/origin"][:] = reference["df_origin"][:, None]
        specimen["vol-seg/image/origin"][:] = reference["df_origin"][:, None]
        del specimen["vol-landmarks"], specimen["projections"], file[SPECIMENS[1]]
        for n, point in enumerate(reference["df_landmarks"]):
            specimen[f"vol-landmarks/{n}"] = point[:, None]
        for n, (pose, turned) in enumerate(zip(reference["df_cam_to_pelvis"], reference["df_rotated"], strict=True)):
            projection = specimen.create_group(f"projections/{n:03d}")
            projection["gt-poses/cam-to-pelvis-vol"], projection["rot-180-for-up"] = pose, int(turned)
            projection["image/pixels"] = np.zeros((192, 192), np.float32)
    seen = 0
    for patient, xray in _views(copy, edge=0, keep_wrong=True):
        found = xray.read().camera.project(_landmarks(patient), xray.standard.world_from_camera)
        np.testing.assert_allclose(found, reference["df_pixels"][int(xray.name)], atol=1e-3)
        seen += 1
    assert seen == len(reference["df_pixels"])


def test_the_world_of_the_landmarks_is_that_of_the_ct(twin, chest):
    for patient in sets.deepfluoro(twin).patients:
        subject = patient.subject()
        lps = frames.transform_points(subject["lps_from_world"], _landmarks(patient))
        with h5py.File(twin) as file:
            stored = [file[f"{patient.name}/vol-landmarks/{name}"][:, 0] for name in patient.landmarks().name]
        np.testing.assert_allclose(lps, np.stack(stored), atol=1e-3)
        assert list(subject["structures"].structure[:3]) == ["left-hemipelvis", "right-hemipelvis", "vertebrae"]
        # the mean of the ribs' voxels on the left lies among the landmarks on the left
        mask = subject["mask"]
        ribs = np.argwhere(mask.data[0].numpy() == 1) @ mask.affine[:3, :3].T + mask.affine[:3, 3]
        left = patient.landmarks().set_index("name").filter(like="-l", axis=0)
        np.testing.assert_allclose(ribs.mean(0), left.mean(), atol=6)


def test_an_x_ray_that_is_stored_upside_down_is_turned(twin):
    with h5py.File(twin) as file:
        for patient, xray in _views(twin, edge=0):
            projection = file[f"{patient.name}/projections/{xray.name}"]
            stored = projection["image/pixels"][:]
            read = xray.read()
            if projection["rot-180-for-up"][()]:
                np.testing.assert_array_equal(read.pixels, stored[::-1, ::-1])
                assert any("upside down" in note for note in read.notes)
            else:
                np.testing.assert_array_equal(read.pixels, stored)
            down = xray.standard.world_from_camera[:3, 1]
            assert down[2] < -0.8  # rows increase towards the feet


def test_wrong_poses_are_left_out_with_a_note(copy):
    opened = sets.deepfluoro(copy)
    assert [xray.name for xray in opened.patient("17-1882").xrays] == ["000", "001", "002", "004", "005"]
    assert any("003, 050" in note for note in opened.notes)
    kept = sets.deepfluoro(copy, keep_wrong=True).patient("17-1882")
    assert "known to be wrong" in kept.xray("003").notes[0]
    assert kept.xray("003").standard.kind == "silver"


def test_the_licence_is_told(copy, capsys):
    import diffpose_nb.sets.patient as shape

    shape._announced.clear()
    sets.deepfluoro(copy)
    sets.deepfluoro(copy)
    assert capsys.readouterr().out.count("CC BY-NC 4.0") == 1


def test_a_twin_says_so(twin):
    opened = sets.deepfluoro(twin)
    assert "twin" in opened.notes[0]
    assert opened.patients[0].xrays[0].standard.kind == "gold"


def test_a_missing_file(tmp_path, monkeypatch):
    monkeypatch.setenv("DIFFPOSE_NB_DATA", str(tmp_path))
    with pytest.raises(sets.SetNotHereError, match=r"Put ipcai_2020_full_res_data\.h5 into .*deepfluoro") as error:
        sets.deepfluoro()
    assert "CC BY-NC" in str(error.value)


def test_a_file_that_was_cut_short(copy):
    whole = copy.read_bytes()
    copy.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(sets.SetError, match=r"cut short: it has \d+ of \d+ bytes \(50%\)"):
        sets.deepfluoro(copy)


def test_a_damaged_piece(copy):
    with h5py.File(copy, "r+") as file:
        image = file[f"{SPECIMENS[0]}/projections/000/image"]
        pixels = image["pixels"][:]
        del image["pixels"]
        chunk = image.create_dataset("pixels", data=pixels, compression="gzip").id.get_chunk_info(0)
    spoilt = bytearray(copy.read_bytes())
    spoilt[chunk.byte_offset : chunk.byte_offset + chunk.size] = b"\xff" * chunk.size
    copy.write_bytes(bytes(spoilt))
    xray = sets.deepfluoro(copy).patients[0].xrays[0]  # opening reads no pixels
    with pytest.raises(sets.SetError, match="image/pixels cannot be read"):
        xray.read()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("proj-params", "there is no 'proj-params'"),
        (f"{SPECIMENS[1]}/vol", f"in /{SPECIMENS[1]} there is no 'vol'.* there is projections, vol-landmarks, vol-seg"),
        (f"{SPECIMENS[0]}/projections/002/gt-poses/cam-to-pelvis-vol", "projections/002/gt-poses there is no 'cam-to"),
        (f"{SPECIMENS[0]}/projections/002/rot-180-for-up", "there is no 'rot-180-for-up'"),
    ],
)
def test_a_missing_group(copy, missing, words):
    with h5py.File(copy, "r+") as file:
        del file[missing]
    with pytest.raises(sets.SetError, match=words):
        sets.deepfluoro(copy)


def test_a_downsampled_file(tmp_path):
    path = tmp_path / "ds_8x.h5"
    with h5py.File(path, "w") as file:
        file["land-names/num-lands"] = 14
        file["01/projs"] = np.zeros((2, 8, 8), np.float32)
    with pytest.raises(sets.SetError, match=r"downsampled .* full-resolution"):
        sets.deepfluoro(path)


@pytest.mark.parametrize(("content", "words"), [(b"PK\x03\x04rest", "ZIP"), (b"", "empty"), (b"<html>", "no HDF5")])
def test_another_kind_of_file(tmp_path, content, words):
    path = tmp_path / FILE
    path.write_bytes(content)
    with pytest.raises(sets.SetError, match=words):
        sets.deepfluoro(path)


def test_the_archive_is_unpacked(copy, tmp_path, monkeypatch):
    """What was downloaded is unpacked whole; the archive is deleted."""
    import zipfile

    from diffpose_nb.sets import pelvis

    folder = tmp_path / "data" / "deepfluoro"
    folder.mkdir(parents=True)
    archive = folder / pelvis.REMOTE.name
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(copy, f"some folder/{FILE}")
    monkeypatch.setenv("DIFFPOSE_NB_DATA", str(tmp_path / "data"))
    opened = sets.deepfluoro(download=True, progress=False)
    assert len(opened.patients) == 2
    assert (folder / FILE).exists() and not archive.exists()
