import nibabel
import numpy as np
import pandas as pd
import pytest
import torch
import torchio
import xraydb
from diffdrr.drr import DRR

from diffpose_nb import ct
from diffpose_nb.frames import carm_pose, to_diffdrr, transform_points

AFFINE = np.array([[-0.8, 0, 0, 30], [0, 0.8, 0.1, -40], [0, 0, 2.5, 900], [0, 0, 0, 1.0]])  # RAS, tilted


@pytest.fixture
def files(tmp_path):
    hounsfield = np.full((10, 12, 8), -1000, np.int16)
    hounsfield[2:8, 3:9, 1:6] = 40
    hounsfield[6, 4, 5] = 1500
    labels = np.zeros(hounsfield.shape, np.uint8)
    labels[6, 4, 5] = 3
    labels[2:4, 3:5, 1:3] = 7
    nibabel.save(nibabel.Nifti1Image(hounsfield, AFFINE), tmp_path / "ct.nii.gz")
    nibabel.save(nibabel.Nifti1Image(labels, AFFINE), tmp_path / "labels.nii.gz")
    return tmp_path


def test_a_voxel_goes_back_to_the_scanner(files):
    subject = ct.load_ct(files / "ct.nii.gz")
    voxel = torch.tensor([[6.0, 4, 5]], dtype=torch.float64)
    world = transform_points(torch.from_numpy(subject.volume.affine), voxel)
    x, y, z = (AFFINE @ [6, 4, 5, 1])[:3]
    lps = transform_points(subject.lps_from_world, world)
    torch.testing.assert_close(lps, torch.tensor([[-x, -y, z]], dtype=torch.float64))


def test_the_world_s_origin_is_the_centre_of_the_volume(files):
    subject = ct.load_ct(files / "ct.nii.gz")
    centre = subject.volume.affine @ [4.5, 5.5, 3.5, 1]
    np.testing.assert_allclose(centre[:3], 0, atol=1e-5)


def test_density_is_linear_attenuation(files):
    subject = ct.load_ct(files / "ct.nii.gz")
    water = ct.MU_WATER
    for voxel, expected in [((0, 0, 0), 0), ((3, 4, 2), 1.04 * water), ((6, 4, 5), 2.5 * water)]:
        assert subject.density.data[0][voxel].item() == pytest.approx(expected)


def test_padding_below_air_does_not_attenuate():
    assert ct.linear_attenuation(torch.tensor([-2048.0, -1000, 0])).tolist() == pytest.approx([0, 0, ct.MU_WATER])


def test_water_is_nist_s():
    assert pytest.approx(xraydb.material_mu("water", 70e3, density=1.0) / 10, rel=0.01) == ct.MU_WATER


def test_diffdrr_s_density_is_an_option(files):
    density = ct.load_ct(files / "ct.nii.gz", density="diffdrr").density.data
    assert (density.min().item(), density.max().item()) == (0, 1)
    with pytest.raises(ValueError, match="'attenuation' or 'diffdrr'"):
        ct.load_ct(files / "ct.nii.gz", density="hu")


def test_diffdrr_renders_the_subject_as_it_is(files):
    subject = ct.load_ct(files / "ct.nii.gz", files / "labels.nii.gz")
    drr = DRR(subject, sdd=1000, height=16, delx=2.0, reverse_x_axis=False)
    image = drr(to_diffdrr(carm_pose(0, 0, 700)))
    assert image.shape == (1, 1, 16, 16)
    assert image.max() > 3 * 0.8 * ct.MU_WATER


def test_landmarks_are_centroids_by_name(files):
    structures = pd.DataFrame(
        {
            "id": [3, 7, 9],
            "structure": ["vertebrae_T7", "liver", "rib_left_1"],
            "group": ["vertebrae", "organs", "ribs"],
        }
    )
    subject = ct.load_ct(files / "ct.nii.gz", files / "labels.nii.gz", structures=structures)
    table = ct.landmarks(subject)
    assert table.name.tolist() == ["vertebrae_T7"]  # the liver is in no group asked for, rib 1 not in the map
    expected = (subject.volume.affine @ [6, 4, 5, 1])[:3]
    np.testing.assert_allclose(table[["x", "y", "z"]].to_numpy()[0], expected)
    both = ct.landmarks(subject, groups=("organs", "vertebrae"))
    np.testing.assert_allclose(both.set_index("name").loc["liver"], (subject.volume.affine @ [2.5, 3.5, 1.5, 1])[:3])
    with pytest.raises(ct.CTError, match="cardiac"):
        ct.landmarks(subject, groups=("cardiac",))


def test_labels_without_names_are_numbered(files):
    subject = ct.load_ct(files / "ct.nii.gz", files / "labels.nii.gz")
    assert ct.landmarks(subject).name.tolist() == ["label 3", "label 7"]


def test_landmarks_need_labels(files):
    with pytest.raises(ct.CTError, match="labels="):
        ct.landmarks(ct.load_ct(files / "ct.nii.gz"))


@pytest.mark.parametrize("what", ["shifted", "coarser"])
def test_a_label_map_on_another_grid_is_refused(files, what):
    """DiffDRR would centre it by itself and so shift it against the CT without a word."""
    affine, shape = AFFINE.copy(), (10, 12, 8)
    if what == "shifted":
        affine[2, 3] += 2.5
    else:
        shape = (5, 6, 4)
    nibabel.save(nibabel.Nifti1Image(np.ones(shape, np.uint8), affine), files / "other.nii.gz")
    with pytest.raises(ct.CTError, match=r"other\.nii\.gz.*resample_labels=True"):
        ct.load_ct(files / "ct.nii.gz", files / "other.nii.gz")


def test_what_is_no_ct_is_refused_by_name(files):
    (files / "empty.nii.gz").write_bytes(b"")
    (files / "whole").mkdir()
    voxels = nibabel.load(files / "ct.nii.gz").get_fdata(dtype=np.float32)
    nibabel.save(nibabel.Nifti1Image(np.stack([voxels, voxels], -1), AFFINE), files / "two.nii.gz")
    voxels[0, 0, 0] = np.nan
    nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), files / "nan.nii.gz")
    truncated = (files / "ct.nii.gz").read_bytes()[:-30]
    (files / "truncated.nii.gz").write_bytes(truncated)
    for name, message in {
        "missing.nii.gz": "no such file",
        "empty.nii.gz": "cannot be read",
        "truncated.nii.gz": "cannot be read",
        "whole": "no CT slices",
        "two.nii.gz": "2 channels",
        "nan.nii.gz": "NaN",
    }.items():
        with pytest.raises(ct.CTError, match=rf"{name}.*{message}"):
            ct.load_ct(files / name)


def test_a_folder_of_dicom_slices_is_the_same_ct(files):
    """Written by SimpleITK slice by slice in LPS, read back: the same voxels at the same places."""
    import SimpleITK as sitk

    voxels = nibabel.load(files / "ct.nii.gz").get_fdata(dtype=np.float32)
    straight = np.diag([-0.8, -0.8, 2.5, 1.0])
    straight[:3, 3] = [30, 40, 900]
    image = torchio.ScalarImage(tensor=voxels[None], affine=straight).as_sitk()
    folder = files / "series"
    folder.mkdir()
    for k in range(image.GetSize()[2]):
        piece = sitk.Cast(image[:, :, k : k + 1], sitk.sitkInt16)
        for tag, value in {
            "0008|0060": "CT",
            "0020|000e": "1.2.3.4",
            "0020|000d": "1.2.3",
            "0020|0013": str(k),
            "0020|0032": "\\".join(f"{x:.6f}" for x in piece.GetOrigin()),
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }.items():
            piece.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"{k:03}.dcm"))
        writer.Execute(piece)
    subject = ct.load_ct(folder)
    bright = torch.nonzero(subject.volume.data[0] == 1500).double()
    world = transform_points(torch.from_numpy(subject.volume.affine), bright)
    scanner = transform_points(subject.lps_from_world, world)
    x, y, z = (straight @ [6, 4, 5, 1])[:3]
    torch.testing.assert_close(scanner, torch.tensor([[-x, -y, z]], dtype=torch.float64), atol=1e-3, rtol=0)


def test_the_example_is_a_chest_and_knows_left_from_right(example):
    table = ct.landmarks(example).set_index("name")
    assert table.loc["rib_left_6", "x"] < -50 < 50 < table.loc["rib_right_6", "x"]  # RAS: left is negative
    assert table.loc["vertebrae_T7", "y"] < table.loc["sternum", "y"]  # the spine is behind
    assert table.loc["vertebrae_T12", "z"] < table.loc["vertebrae_T1", "z"]
    inside = torch.isin(example.mask.data, torch.tensor([38])) & (example.volume.data > 100)
    assert inside.sum() > 1000  # T7 is where bone is
