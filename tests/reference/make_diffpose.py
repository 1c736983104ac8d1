"""What DiffDRR 0.3.9 and DiffPose 0.0.1 compute, for diffpose.npz. CONTRIBUTING.md has the command.

Neither can share an environment with the current DiffDRR, so they are installed beside it and their results are kept.
"""

import sys
import tempfile
from pathlib import Path
from types import ModuleType

import diffdrr
import h5py
import numpy as np
import torch
from diffdrr import utils
from diffdrr.drr import DRR, make_xrays

assert "0.3.9" in diffdrr.__version__

# DiffPose imports pytorch3d, which cannot be had; DiffDRR 0.3.9 brings a copy of what it uses
stand_in = ModuleType("pytorch3d.transforms")
vars(stand_in).update(vars(utils))
sys.modules.update({"pytorch3d": ModuleType("pytorch3d"), "pytorch3d.transforms": stand_in})

from diffpose.calibration import RigidTransform, convert, perspective_projection  # noqa: E402
from diffpose.deepfluoro import DeepFluoroDataset, convert_diffdrr_to_deepfluoro  # noqa: E402
from diffpose.ljubljana import LjubljanaDataset  # noqa: E402

VIEWS = 24
SHAPE, SPACING = (24, 20, 16), (2.0, 2.5, 3.0)
random = np.random.default_rng(6)
result: dict[str, list] = {}


def keep(**values):
    for name, value in values.items():
        result.setdefault(name, []).append(np.asarray(value))


def columns(pose):
    """Their matrices act on rows; ours on columns."""
    return pose.get_matrix()[0].mT


def detector(drr, pose):
    """Source and four corner pixels (first and last of the first and last row), in the volume's mm."""
    source, target = make_xrays(pose, drr.detector.source, drr.detector.target)
    grid = target.reshape(drr.detector.height, drr.detector.width, 3)
    return torch.cat([source[0], grid[[0, 0, -1, -1], [0, -1, 0, -1]]])


def settings(drr):
    d = drr.detector
    return [d.sdr, d.height, d.width, d.delx, d.dely, d.x0, d.y0, d.reverse_x_axis]


def letter_f():
    """Hounsfield units: an F in a block of soft tissue, thicker at one end, nowhere near a symmetry."""
    volume = np.full(SHAPE, -700, dtype=np.float32)
    volume[7:9, 5:8, 2:14] = 900
    volume[9:18, 5:7, 11:14] = 900
    volume[9:14, 6:8, 7:9] = 700
    volume[16:19, 11:15, 3:6] = 300
    return volume


def random_poses(volume, isocenter_pose):
    """Poses about the isocentre, by offsets in se(3) as DiffPose draws them, and what their detectors are."""
    for index in range(VIEWS):
        height, width = random.integers(20, 60, 2)
        f, delx, dely, x0, y0 = random.uniform([700, 3, 3, -20, -20], [1100, 5, 5, 20, 20]).round(3).tolist()
        reverse = bool(index % 2)
        arguments = (SPACING, f / 2, int(height), delx, int(width), dely)
        drr = DRR(volume, *arguments, x0, y0, reverse_x_axis=reverse)
        rotation, translation = torch.tensor(random.normal(0, [[0.4], [25]], (2, 3)), dtype=torch.float32)
        offset = convert([rotation[None], translation[None]], "se3_log_map", "se3_exp_map")
        pose = isocenter_pose.compose(offset)
        keep(offset=torch.cat([rotation, translation]), pose=columns(pose))
        keep(settings=settings(drr), detector=detector(drr, pose))


def renderings(volume, isocenter_pose):
    for angles, reverse in [((0.0, 0.0, 0.0), False), ((0.3, -0.2, 0.4), False), ((-0.4, 0.5, 0.1), True)]:
        drr = DRR(volume, SPACING, 450.0, 64, 1.4, 72, 1.5, 6.0, -4.0, reverse_x_axis=reverse)
        turn = convert([torch.tensor([angles]), torch.zeros(1, 3)], "se3_log_map", "se3_exp_map")
        about_center = RigidTransform(torch.eye(3), isocenter_pose.get_translation()[0])
        pose = isocenter_pose.compose(about_center.inverse()).compose(turn).compose(about_center)
        picture = drr(None, None, None, pose=pose)[0, 0]
        keep(rendering=picture.half(), rendering_pose=columns(pose), rendering_settings=settings(drr))


def random_matrix(rotation_scale, translation_scale, center=(0, 0, 0)):
    rotation = torch.tensor(random.normal(0, rotation_scale, (1, 3)), dtype=torch.float32)
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = utils.axis_angle_to_matrix(rotation)[0]
    matrix[:3, 3] = random.normal(center, translation_scale)
    return matrix


def deepfluoro(path):
    """A file as the data set's, with its intrinsic matrix at an eighth of its resolution, and random matrices."""
    n = 192
    spacing = 0.194 * 8
    intrinsic = np.array([[-1020 / spacing, 0, 95.5], [0, -1020 / spacing, 95.5], [0, 0, 1]], np.float32)
    extrinsic = random_matrix(0.2, 15)
    origin = np.array([[-31.0], [-44.0], [-207.0]], np.float32)
    landmarks = (origin + np.array(SPACING)[:, None] * random.uniform(3, 15, (3, 8))).astype(np.float32)
    with h5py.File(path, "w") as file:
        parameters = file.create_group("proj-params")
        parameters.update({"intrinsic": intrinsic, "extrinsic": extrinsic, "num-cols": n, "num-rows": n})
        parameters.update({"pixel-col-spacing": spacing, "pixel-row-spacing": spacing})
        specimen = file.create_group("17-1882")
        specimen.create_group("vol").update({"pixels": letter_f().transpose(2, 1, 0)})
        specimen["vol"].update({"spacing": np.array(SPACING, np.float32)[:, None], "origin": origin})
        for index, landmark in enumerate(landmarks.T):
            specimen[f"vol-landmarks/{index}"] = landmark[:, None]
        for index in range(VIEWS):
            image = specimen.create_group(f"projections/{index:03d}")
            image["image/pixels"] = np.arange(n * n, dtype=np.float32).reshape(n, n)
            # 700 mm in front of the source, which looks along -z: the volume's middle
            lps_from_turned = random_matrix(0.8, 20, origin[:, 0] + 24)
            lps_from_turned[:3, 3] += lps_from_turned[:3, 2] * 700
            image["gt-poses/cam-to-pelvis-vol"] = lps_from_turned @ extrinsic
            image["rot-180-for-up"] = bool(index % 3 == 1)
    data = DeepFluoroDataset(1, path, preprocess=False)
    drr = DRR(data.volume, data.spacing, data.focal_len / 2, n, spacing, x0=data.x0, y0=data.y0, reverse_x_axis=True)
    keep(df_intrinsic=intrinsic, df_extrinsic=extrinsic, df_origin=origin[:, 0], df_landmarks=landmarks.T)
    keep(df_settings=settings(drr), df_isocenter_pose=columns(data.isocenter_pose))
    for index in range(VIEWS):
        file = data.projections[f"{index:03d}"]
        pose = data[index][1]
        keep(df_cam_to_pelvis=file["gt-poses/cam-to-pelvis-vol"][:], df_rotated=file["rot-180-for-up"][()])
        keep(df_pose=columns(pose), df_detector=detector(drr, pose))
        extrinsic_of_pose = convert_diffdrr_to_deepfluoro(data, pose)
        pixels = perspective_projection(extrinsic_of_pose, data.intrinsic, data.fiducials)[0]
        keep(df_pixels=pixels)


def ljubljana(path):
    height, width, delx, dely = 150, 170, 2.0, 2.0
    origin = torch.tensor([24.0, 25.0, 24.0])
    with h5py.File(path, "w") as file:
        for index in range(VIEWS):
            f = random.uniform(1000, 1200)
            point = random.uniform([70, 60], [100, 90])
            subject = file.create_group(f"subject{index + 1:02d}")
            subject.update({"volume/pixels": letter_f(), "volume/spacing": np.array(SPACING, np.float32)})
            volume_from_camera = random_matrix(0.8, 20, origin)
            volume_from_camera[:3, 3] += volume_from_camera[:3, 2] * 700
            subject["points"] = random.uniform(5, 40, (8, 3)).astype(np.float32)
            view = subject.create_group("proj-ap")
            view["extrinsic"] = np.linalg.inv(volume_from_camera)[:3]
            view["intrinsic"] = np.array([[-f / delx, 0, point[0]], [0, -f / delx, point[1]], [0, 0, 1]], np.float32)
            view.update({"col-spacing": delx, "row-spacing": dely, "pixels": np.ones((height, width), np.float32)})
    data = LjubljanaDataset("ap", path, preprocess=False)
    for index in range(VIEWS):
        volume, spacing, focal_len, h, w, sx, sy, x0, y0, _, pose, _ = data[index]
        drr = DRR(volume, spacing, focal_len / 2, h, sx, w, sy, x0, y0, reverse_x_axis=True)
        group = data.f[f"subject{index + 1:02d}"]
        intrinsic, points = torch.from_numpy(group["proj-ap/intrinsic"][:]), torch.from_numpy(group["points"][:])
        keep(lj_extrinsic=group["proj-ap/extrinsic"][:], lj_intrinsic=intrinsic, lj_points=points)
        keep(lj_settings=settings(drr), lj_pose=columns(pose), lj_detector=detector(drr, pose))
        back = pose.inverse().compose(RigidTransform(torch.eye(3), torch.tensor([-focal_len / 2, 0.0, 0.0])))
        keep(lj_pixels=perspective_projection(back.compose(data.flip_xz), intrinsic, points[None])[0])


volume = letter_f()
center = torch.tensor(SHAPE) * torch.tensor(SPACING) / 2
quarter = torch.pi / 2
isocenter_pose = RigidTransform(torch.tensor([[quarter, 0.0, -quarter]]), center[None], "euler_angles", "ZYX")
keep(volume=volume, spacing=SPACING, isocenter_pose=columns(isocenter_pose))
random_poses(volume, isocenter_pose)
renderings(volume, isocenter_pose)
with tempfile.TemporaryDirectory() as folder:
    deepfluoro(Path(folder) / "deepfluoro.h5")
    ljubljana(Path(folder) / "ljubljana.h5")
arrays = {name: np.stack(values) if len(values) > 1 else values[0] for name, values in result.items()}
np.savez_compressed(Path(__file__).parent / "diffpose.npz", **arrays)
