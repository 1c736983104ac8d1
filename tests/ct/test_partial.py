"""Parts of a CT stay where they were in the world."""

import numpy as np
import pandas as pd
import pytest
import torch
import torchio

from diffpose_nb import ct
from diffpose_nb.camera import Camera, carm_pose, make_transform
from diffpose_nb.render import Renderer
from diffpose_nb.simulate import trace

PLAIN = np.array([[-2.0, 0, 0, 21.0], [0, 2.5, 0, -20.0], [0, 0, 3.0, -30.0], [0, 0, 0, 1]])  # rows run to the left
OBLIQUE = np.array([[2.0, 0.3, 0.1, -17.0], [0.2, -2.5, 0.4, 21.0], [0.0, 0.5, 3.1, -24.0], [0, 0, 0, 1]])
SHAPE = (20, 16, 18)
BRIGHT = (13, 6, 5)


def phantom(affine=PLAIN):
    rng = np.random.default_rng(2)
    hounsfield = torch.from_numpy(rng.uniform(-300, 900, SHAPE)).float()
    hounsfield[BRIGHT] = 3000.0
    mask = torch.zeros(SHAPE, dtype=torch.uint8)
    mask[12:15, 5:9, 4:8] = 3
    mask[2:4, 2:5, 10:12] = 7
    image = {"affine": affine}
    return torchio.Subject(
        volume=torchio.ScalarImage(tensor=hounsfield[None], **image),
        density=torchio.ScalarImage(tensor=ct.linear_attenuation(hounsfield[None]), **image),
        mask=torchio.LabelMap(tensor=mask[None], **image),
        structures=pd.DataFrame([(3, "vertebrae_L3"), (7, "liver"), (9, "heart")], columns=["id", "structure"]),
        lps_from_world=make_transform(torch.eye(3), torch.tensor([1.0, 2.0, 3.0])),
        notes=["A note."],
        orientation=None,
        reorient=torch.eye(4),
        fiducials=None,
    )


def place(image, index):
    return image.affine[:3, :3] @ index + image.affine[:3, 3]


def brightest(subject):
    values = subject["volume"].data[0].numpy()
    return np.unravel_index(values.argmax(), values.shape)


def places(image):
    index = np.argwhere(np.ones(image.spatial_shape))
    return index @ image.affine[:3, :3].T + image.affine[:3, 3]


@pytest.mark.parametrize("affine", [PLAIN, OBLIQUE], ids=["plain", "oblique"])
def test_a_voxel_keeps_its_place_in_the_world(affine):
    subject = phantom(affine)
    at = place(subject["volume"], BRIGHT)
    pieces = [
        ct.cut(subject, right=(at[0] - 6, at[0] + 3), superior=(at[2] - 7, at[2] + 9)),
        ct.cut(subject, anterior=(at[1] - 4, at[1] + 4)),
        ct.part(subject, "vertebrae_L3", margin=4.0),
    ]
    for piece in pieces:
        assert piece["volume"].spatial_shape != SHAPE
        assert brightest(piece) != BRIGHT  # its index changes
        for name in ("volume", "density", "mask"):
            np.testing.assert_allclose(place(piece[name], brightest(piece)), at)
        assert piece["mask"].data[0][brightest(piece)] == 3
        assert piece["density"].data[0][brightest(piece)] == ct.linear_attenuation(torch.tensor(3000.0))
        torch.testing.assert_close(piece["lps_from_world"], subject["lps_from_world"])
        assert piece["notes"][0] == "A note." and len(piece["notes"]) == 2
    assert subject["notes"] == ["A note."] and subject["volume"].spatial_shape == SHAPE  # not changed


@pytest.mark.parametrize("affine", [PLAIN, OBLIQUE], ids=["plain", "oblique"])
def test_what_lies_within_the_limits_is_kept_and_nothing_else(affine):
    subject = phantom(affine)
    low, high = np.array([-8.03, -9.03, -20.03]), np.array([7.03, 12.03, 11.03])  # on no voxel's centre
    piece = ct.cut(subject, **dict(zip(("right", "anterior", "superior"), zip(low, high, strict=True), strict=True)))
    kept = [((p >= low) & (p <= high)).all(1) for p in (places(subject["volume"]), places(piece["volume"]))]
    assert 50 < kept[0].sum() < 0.5 * len(kept[0])
    for name in ("volume", "density", "mask"):
        whole, left = (one[name].data[0].numpy().ravel() for one in (subject, piece))
        np.testing.assert_array_equal(left[kept[1]], whole[kept[0]])
    outside = piece["volume"].data[0].numpy().ravel()[~kept[1]]
    assert (outside == -1000).all() and (len(outside) == 0) == (affine is PLAIN)


def test_a_limit_on_the_centre_of_a_voxel_keeps_it():
    third = ct.cut(phantom(), superior=(-30 + 3 * 2.0, -30 + 3 * 4.0))["volume"]
    assert third.spatial_shape == (20, 16, 3) and third.affine[2, 3] == -24


def test_rays_that_cross_only_what_is_kept_see_no_difference():
    subject, camera, pose = phantom(), Camera(1000.0, (2.0, 2.0), (60, 60)), carm_pose(0.0, 0.0, 700.0)
    piece = ct.cut(subject, superior=(-12.0, 12.0), right=(-11.0, 11.0))
    volumes = [Renderer(one, camera)(pose)[0, 0] for one in (subject, piece)]
    areas = [torch.from_numpy(trace(one, camera, pose))[0] for one in (subject, piece)]
    inner = (slice(25, 36), slice(25, 36))  # 11 pixels of 1.4 mm at the isocentre
    for whole, left in (volumes, areas):
        assert whole[inner].min() > 0.1
        torch.testing.assert_close(left[inner], whole[inner], rtol=1e-4, atol=1e-4)
        assert (left - whole).abs().max() > 0.1  # other rays miss what was cut off
        assert (left <= whole + 1e-4).all()


def test_a_part_is_its_own_density_in_air():
    subject = phantom()
    piece = ct.part(subject, ["vertebrae_L3", 7], margin=5.0)
    for image, empty in ((piece["volume"], -1000), (piece["density"], 0)):
        assert (image.data[piece["mask"].data == 0] == empty).all()
    for label in (3, 7):
        whole, left = (one["volume"].data[one["mask"].data == label] for one in (subject, piece))
        assert torch.equal(whole, left)
    # 13 voxels from 2 to 14, and 2 (which is what the CT has) and 3 of margin
    assert piece["volume"].spatial_shape == (18, 11, 12)
    one = ct.part(subject, 3, margin=0.0)
    assert one["volume"].spatial_shape == (3, 4, 4) and (one["mask"].data == 3).all()
    assert "vertebrae_L3" in one["notes"][-1]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"right": (5.0, -5.0)}, "right is .* the lower limit comes first"),
        ({"superior": (100.0, 200.0)}, "superior=.* keeps no voxel: the CT reaches from -30 to 21"),
        ({"anterior": (0.1, 0.2)}, "keeps no voxel"),
        ({"right": (float("nan"), 2.0)}, "two numbers"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, words):
    with pytest.raises(ct.CTError, match=words):
        ct.cut(phantom(), **limits)


@pytest.mark.parametrize(
    ("structures", "options", "words"),
    [
        ("vertebrae_L9", {}, "'vertebrae_L9' is not in the label map, which has .*vertebrae_L3"),
        ("heart", {}, "'heart' is not in the label map"),
        ([], {}, "empty"),
        (44, {}, "structure 44 is not"),
        (3, {"margin": -1.0}, "margin is -1"),
    ],
)
def test_structures_that_are_not_there_are_refused(structures, options, words):
    with pytest.raises(ct.CTError, match=words):
        ct.part(phantom(), structures, **options)


def test_without_a_label_map_there_are_no_parts():
    subject = phantom()
    subject["mask"] = None
    with pytest.raises(ct.CTError, match="label map"):
        ct.part(subject, 3)
    assert ct.cut(subject, superior=(-12.0, 12.0))["mask"] is None
