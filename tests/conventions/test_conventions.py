"""The right reading of a matrix comes first, in every convention, on X-rays that the renderer did not make."""

import numpy as np
import pytest
import roma
import torch
from diffdrr.pose import RigidTransform

from diffpose_nb import conventions, ct, frames, simulate
from diffpose_nb.camera import Camera
from diffpose_nb.images import XRay

CAMERA = Camera(1020.0, (3.2, 3.2), (96, 96))
VIEWS = [(0, 0), (25, -10), (-35, 15), (70, 5)]
EYE = torch.eye(4, dtype=torch.float64)
MINUS_Z = torch.diag(torch.tensor([1.0, -1, -1, 1], dtype=torch.float64))
XREG_K = torch.tensor([[-1020 / 3.2, 0, 47.5], [0, -1020 / 3.2, 47.5], [0, 0, 1]], dtype=torch.float64)


@pytest.fixture(scope="module")
def xrays(example):
    generator = torch.Generator().manual_seed(3)
    found = []
    for n, (primary, secondary) in enumerate(VIEWS):
        turn, shift = torch.randn(2, 3, generator=generator).tolist()
        motion = frames.rigid_motion(np.multiply(turn, 3), np.multiply(shift, 8))
        found.append(
            simulate.simulate_xray(
                example, CAMERA, primary, secondary, 700, motion=motion, seed=n, supersampling=1, collimation=None
            )
        )
    return found


def _lps(pose, subject):
    return subject["lps_from_world"].double() @ pose


def _ras(pose, subject):
    return frames.ras_from_lps @ _lps(pose, subject)


def _diffpose(pose, subject):
    camera = Camera(1020.0, (3.2, 3.2), (96, 96))
    return frames.to_diffpose(camera, pose, conventions.deepfluoro_volume(subject))[0]


# name → (a matrix of this convention from a pose, what the name of the reading must hold)
WRITTEN = {
    "ours": (lambda pose, _: pose, "world from camera (diffpose_nb, nanodrr); RAS, CT's centre; from the detector"),
    "opencv": (lambda pose, _: frames.invert(pose), "(OpenCV's extrinsic); RAS, CT's centre; from the detector"),
    "opencv, scanner": (
        lambda pose, subject: frames.invert(_lps(pose, subject)),
        "(OpenCV's extrinsic); LPS, scanner's origin; from the detector",
    ),
    "nanodrr": (
        lambda pose, subject: frames.to_nanodrr(pose, _ras(EYE, subject)[:3, 3])[0],
        "nanodrr); RAS, scanner's origin; from the detector",
    ),
    "diffdrr": (
        lambda pose, _: frames.to_diffdrr(pose).matrix[0],
        "DiffDRR, None; RAS, CT's centre; reverse_x_axis=False",
    ),
    "diffdrr ap": (
        lambda pose, _: frames.to_diffdrr(pose, "AP").matrix[0],
        "DiffDRR, AP; RAS, CT's centre; reverse_x_axis=False",
    ),
    "diffdrr pa": (
        lambda pose, _: frames.to_diffdrr(frames.exchange_mirror(CAMERA, pose)[1], "PA").matrix[0],
        "DiffDRR, PA; RAS, CT's centre; reverse_x_axis=True",
    ),
    "diffdrr pa, a reflection": (
        lambda pose, _: frames.to_diffdrr(pose, "PA").matrix[0],
        "DiffDRR, PA; RAS, CT's centre; reverse_x_axis=False",
    ),
    "diffdrr, inverted": (
        lambda pose, _: frames.to_diffdrr(pose).inverse().matrix[0],
        "DiffDRR, None, inverted; RAS, CT's centre; reverse_x_axis=False",
    ),
    "vtk": (lambda pose, _: pose @ MINUS_Z, "(VTK, OpenGL); RAS, CT's centre; from the detector"),
    "opengl": (
        lambda pose, subject: frames.invert(_lps(pose, subject) @ MINUS_Z),
        "(OpenGL's view matrix); LPS, scanner's origin; from the detector",
    ),
    "xreg": (
        lambda pose, subject: frames.to_deepfluoro(pose, XREG_K, EYE, torch.linalg.inv(_lps(EYE, subject))),
        "cam-to-pelvis-vol (xReg, DeepFluoro); LPS, scanner's origin; from the detector",
    ),
    "diffpose": (_diffpose, "DiffPose; array as DeepFluoro's; reverse_x_axis=True"),
    "pytorch3d": (
        lambda pose, subject: _diffpose(pose, subject).mT,
        "DiffPose; array as DeepFluoro's; reverse_x_axis=True; transposed",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_right_reading_is_found(name, xrays, example):
    """4 simulated X-rays, turned by each quarter and cropped off their middle; and the mirror image of one."""
    write, expected = WRITTEN[name]
    for xray, place in zip([*xrays, xrays[0]], [1, 0, 2, 3, "cropped"], strict=True):
        turned = xray.crop(0, 8, 96, 88) if place == "cropped" else xray.rot90(place)
        matrix = write(turned.true_world_from_camera, example)
        found = conventions.rank(matrix, example, turned, pixels=32)
        first = found.iloc[0]
        assert expected in first.convention and first.verdict == "this one", found.head(3).to_string()
        if place == 0:
            # the same matrix with the image turned over: the reading from the other side wins instead
            over = conventions.rank(matrix, example, turned.flip(), pixels=32)
            assert expected not in over.convention[0], "the mirrored picture must not win"
            assert over.similarity[0] == pytest.approx(first.similarity, abs=0.02)
            assert found.similarity[found.convention == over.convention[0]].item() < first.similarity - 0.1


def test_candidates_are_what_the_bridges_say(example):
    """Every matrix that a bridge writes is read back as the pose that it was written from, among the candidates."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(24):
        rotation = _random_rotation(generator)
        pose = frames.make_transform(rotation, 700 * torch.randn(3, generator=generator).double())
        for name, (write, expected) in WRITTEN.items():
            found = conventions.candidates(write(pose, example), example, CAMERA)
            (one,) = [c for c in found if expected in c.name]
            assert one.camera.mirrored, name
            torch.testing.assert_close(one.world_from_camera, pose, atol=2e-3, rtol=0, msg=name)


def _random_rotation(generator):
    return roma.unitquat_to_rotmat(torch.nn.functional.normalize(torch.randn(4, generator=generator).double(), dim=0))


def test_every_candidate_is_proper(example):
    for matrix in (frames.carm_pose(20, 10, 700), torch.diag(torch.tensor([-1.0, 1, 1, 1]))):
        poses = torch.stack([c.world_from_camera for c in conventions.candidates(matrix, example, CAMERA)])
        assert torch.allclose(torch.linalg.det(poses[:, :3, :3]), torch.ones(len(poses)).double())


def test_readings_that_agree_are_one_row(example):
    """A CT whose centre is the scanner's origin: two origins, one view."""
    centred = ct.with_letter(example, [])
    centred["lps_from_world"] = frames.ras_from_lps
    found = conventions.candidates(frames.carm_pose(20, 10, 700), centred, CAMERA)
    name = next(c.name for c in found if "nanodrr); RAS, CT's centre; from the detector" in c.name)
    assert " = " in name and "RAS, scanner's origin; from the detector" in name
    views = {(c.camera.mirrored, *c.world_from_camera.flatten().numpy().round(3)) for c in found}
    assert len(views) == len(found)


def test_an_xray_of_nothing_cannot_tell(example):
    xray = XRay(torch.ones(96, 96), CAMERA, EYE)
    found = conventions.rank(frames.carm_pose(20, 10, 700), example, xray)
    assert (found.similarity == 0).all() and (found.verdict == "cannot tell").all()


def test_a_pose_that_sees_nothing_scores_nothing(xrays, example):
    far = frames.rigid_motion([0, 0, 0], [0, 0, 1e5]) @ frames.carm_pose(20, 10, 700)
    assert conventions.rank(far, example, xrays[0]).similarity.abs().max() < 0.5
    away = frames.make_transform(torch.eye(3), torch.tensor([1e5, 1e5, 1e5]))
    assert (conventions.rank(away, example, xrays[0]).similarity == 0).all()


@pytest.mark.parametrize(
    ("matrix", "what"),
    [
        (torch.eye(3), r"\(3, 3\): a pose is \(4, 4\)"),
        (torch.ones(4, 4), "with a row 0 0 0 1"),
        (2 * torch.eye(4) - torch.diag(torch.tensor([0.0, 0, 0, 1])), "a rotation, or a reflection"),
    ],
)
def test_what_is_no_pose_is_refused(matrix, what, example):
    with pytest.raises(ValueError, match=what):
        conventions.candidates(matrix, example, CAMERA)


def test_a_pose_of_three_rows_and_one_in_a_batch(example):
    pose = frames.carm_pose(20, 10, 700)
    names = [c.name for c in conventions.candidates(pose, example, CAMERA)]
    for same in (pose[:3], pose[None], RigidTransform(pose).matrix, pose.numpy()):
        assert [c.name for c in conventions.candidates(same, example, CAMERA)] == names


def test_the_letter_is_where_it_says(example):
    lettered = ct.with_letter(example)
    changed = (lettered.volume.data != example.volume.data)[0].nonzero().double()
    points = frames.transform_points(torch.from_numpy(example.volume.affine), changed)
    strokes = torch.tensor(ct.LETTER)
    inside = [((points >= s[::2]) & (points <= s[1::2])).all(-1) for s in strokes]
    assert torch.stack(inside).any(0).all()
    volume = torch.prod(strokes[:, 1::2] - strokes[:, ::2], 1)
    for stroke, expected in zip(inside, volume, strict=True):
        assert stroke.sum() * 0.703125**2 * 2.5 == pytest.approx(expected.item(), rel=0.12)
    assert (example.volume.data.max() < 4000) and lettered.density.data.max() > 0.07
    assert lettered.structures is example.structures


def test_the_deepfluoro_volume_begins_at_the_outer_corner(example):
    """Right, front, feet; and it is the array with axes R, P, H, as DeepFluoro's loader flips axis 0."""
    volume = conventions.deepfluoro_volume(example)
    spacing, shape = torch.tensor(example.volume.spacing), torch.tensor(example.volume.spatial_shape)
    array = torch.diag(torch.tensor([1.0, -1, 1, 1], dtype=torch.float64))
    array[:3, :3] *= spacing
    half = (shape - 1) * spacing / 2
    array[:3, 3] = torch.tensor([-1.0, 1, -1]) * half
    torch.testing.assert_close(volume, frames.diffpose_volume(shape.tolist(), array), atol=1e-4, rtol=0)
