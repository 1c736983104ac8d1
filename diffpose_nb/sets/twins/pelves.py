"""A twin of DeepFluoro's full-resolution file: the example CT in place of the pelves, simulated X-rays."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
import torchio
from torch import Tensor

from ... import ct
from ...camera import carm_pose, invert, rigid_motion
from ...frames import from_deepfluoro, to_deepfluoro
from ...runtime import progress_bar
from ...simulate import simulate_xray, trace
from ..hdf5 import TWIN
from ..pelvis import SPECIMENS
from .specimens import Specimen, aimed, specimen

PIXELS, SPACING, FOCAL = 1536, 0.194, -5257.732
"""The published images: pixels a side, mm, and the focal length in pixels in the published K."""
LABELS = (
    "left-hemipelvis",
    "right-hemipelvis",
    "vertebrae",
    "upper-sacrum",
    "left-femur",
    "right-femur",
    "lower-sacrum",
)
"""The published names of labels 1 to 7."""
STANDS_FOR = {1: "rib_left", 2: "rib_right", 3: "vertebrae", 4: "sternum", 5: "scapula_left", 6: "scapula_right"}
"""What a label means in the twin: structures of the chest whose names begin like this. Label 7 has no voxels."""
LANDMARKS = ("FH", "GSN", "IOF", "MOF", "SPS", "IPS", "ASIS")
"""The published names of landmarks, each with -l and -r. In the twin they are the middles of ribs 4 to 10."""
ABOUT = (
    "This is a twin of DeepFluoro, not DeepFluoro: one chest CT in place of six pelves, which lies differently and "
    "ends elsewhere in each, and simulated X-rays. Names of specimens, labels and landmarks are the published ones and "
    "mean parts of a chest. Its errors say nothing about real X-rays."
)
EXTRINSIC = rigid_motion([14.0, -9.0, 31.0], [35.0, -20.0, 60.0])
"""(4, 4) the extrinsic matrix of the twin. The published one is another; any rigid one will do."""
_FULL = 65535 / 16383
"""From the simulated detector's 14 bits to the published pixels, which go up to 65,487."""
_COLLIMATOR = 35
"""Published pixels at each side that the collimator covers; 50 are cropped."""


def deepfluoro_twin(
    path: str | Path,
    *,
    specimens: int = 6,
    xrays: int = 5,
    binning: int = 4,
    voxel: float = 2.0,
    seed: int = 0,
    subject: torchio.Subject | None = None,
    progress: bool = True,
) -> Path:
    """Write a file with the groups, arrays and attributes of DeepFluoro's full-resolution file, see :data:`ABOUT`.

    The X-rays are simulated from the whole example CT, with all physics, and the CTs in the file are sampled from it
    anew. About half of the X-rays are stored upside down, with the flag that says so. The poses of femurs are those of
    the pelvis, and flagged as not valid.

    Parameters
    ----------
    path
        The file to write; its folder is made if it does not exist.
    specimens, xrays
        How many specimens, up to 6, and how many X-rays of each.
    binning
        1 gives the published 1536 x 1536 pixels of 0.194 mm. 4 gives 384 x 384 of four times the width, on the same
        detector, and takes a second for each X-ray.
    voxel
        Size of the CTs' voxels, mm. The published ones have 1 mm.
    seed
        Another seed makes other poses, noise and specimens.
    subject
        The CT; by default :func:`diffpose_nb.ct.example`.
    progress
        Show a progress bar.

    Returns
    -------
    Path
        ``path``. The file is in place only when it is whole.
    """
    if not 1 <= specimens <= len(SPECIMENS) or PIXELS % binning:
        raise ValueError(
            f"specimens is {specimens} and binning is {binning}: there are 1 to {len(SPECIMENS)} specimens, and "
            f"{PIXELS} pixels have to be a multiple of the binning"
        )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    subject = ct.example() if subject is None else subject
    labels = _labels(subject)
    fresh = path.with_name(f".{path.name}.new")
    try:
        with (
            h5py.File(fresh, "w") as file,
            progress_bar(total=specimens * xrays, desc="simulated X-rays", show=progress) as bar,
        ):
            file.attrs[TWIN] = ABOUT
            intrinsic = _write_parameters(file.create_group("proj-params"), binning)
            for n, name in enumerate(SPECIMENS[:specimens]):
                made = specimen(subject, labels, voxel, 100 * seed + n)
                landmarks = _write_specimen(file.create_group(name), made, subject)
                for k in range(xrays):
                    group = file.create_group(f"{name}/projections/{k:03d}")
                    rng = np.random.default_rng([seed, n, k])
                    _write_projection(group, rng, subject, made, landmarks, intrinsic, binning)
                    bar.update()
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return path


def _labels(subject: torchio.Subject) -> np.ndarray:
    """The twin's labels on the grid of the example's."""
    table = subject["structures"]
    translate = np.zeros(int(table.id.max()) + 1, np.uint8)
    for label, beginning in STANDS_FOR.items():
        translate[table.id[table.structure.str.startswith(beginning)]] = label
    return translate[subject["mask"].data[0].numpy().astype(int)]


def _write_parameters(group: h5py.Group, binning: int) -> Tensor:
    centre = ((PIXELS - 1) / 2 + 0.5) / binning - 0.5
    intrinsic = np.array([[FOCAL / binning, 0, centre], [0, FOCAL / binning, centre], [0, 0, 1]], np.float32)
    group["extrinsic"] = EXTRINSIC.numpy().astype(np.float32)
    group["intrinsic"] = intrinsic
    group["num-rows"] = group["num-cols"] = np.float32(PIXELS // binning)
    group["pixel-row-spacing"] = group["pixel-col-spacing"] = np.float32(SPACING * binning)
    return torch.from_numpy(intrinsic).double()


def _write_image(group: h5py.Group, pixels: np.ndarray, spacing: float, origin: np.ndarray) -> None:
    """An image as ITK has it: the last axis of ``pixels`` is x."""
    group.create_dataset("pixels", data=pixels, compression="lzf", chunks=True)
    group["spacing"] = np.full((pixels.ndim, 1), spacing, np.float32)
    group["origin"] = np.asarray(origin, np.float32).reshape(-1, 1)
    group["dir-mat"] = np.eye(pixels.ndim, dtype=np.float32)


def _write_specimen(group: h5py.Group, made: Specimen, subject: torchio.Subject) -> dict[str, np.ndarray]:
    """CT, labels and landmarks. Returns the landmarks as they are in the file, LPS mm."""
    _write_image(group.create_group("vol"), made.hounsfield.T, made.voxel, made.origin)
    _write_image(group.create_group("vol-seg/image"), made.labels.T, made.voxel, made.origin)
    for label, name in enumerate(LABELS, 1):
        group[f"vol-seg/labels-def/{label}"] = name
    ribs = ct.landmarks(subject, ("ribs",)).set_index("name")
    landmarks = {}
    for n, name in enumerate(LANDMARKS, 4):
        for side in ("left", "right"):
            world = torch.tensor([*ribs.loc[f"rib_{side}_{n}", ["x", "y", "z"]], 1.0], dtype=torch.float64)
            lps = (invert(made.world_from_lps) @ world)[:3].numpy().astype(np.float32)
            landmarks[f"{name}-{side[0]}"] = group[f"vol-landmarks/{name}-{side[0]}"] = lps.reshape(3, 1)
    return landmarks


def _write_projection(
    group: h5py.Group,
    rng: np.random.Generator,
    subject: torchio.Subject,
    made: Specimen,
    landmarks: dict[str, np.ndarray],
    intrinsic: Tensor,
    binning: int,
) -> None:
    shape, spacing = (PIXELS // binning,) * 2, (SPACING * binning,) * 2
    sod = rng.uniform(700, 800)
    pose = carm_pose(rng.uniform(-40, 40), rng.uniform(-20, 20), sod, rng.uniform(-25, 25, 3))
    pose, turned = aimed(rng, pose, roll=5.0), bool(rng.integers(2))
    if turned:  # the C-arm stands on the other side: the same view, upside down
        pose = pose @ rigid_motion([0.0, 0.0, 180.0], [0, 0, 0])
    matrix = to_deepfluoro(pose, intrinsic, EXTRINSIC, made.world_from_lps).float()
    camera, pose = from_deepfluoro(matrix, intrinsic, EXTRINSIC.float(), spacing, shape, made.world_from_lps)
    xray = simulate_xray(
        subject, camera, 0, 0, sod, motion=pose @ invert(carm_pose(0, 0, sod)), seed=int(rng.integers(2**31)),
        supersampling=1, collimation="rectangle", field=1 - 2 * _COLLIMATOR / PIXELS,
    )  # fmt: skip
    _write_image(group.create_group("image"), (_FULL * xray.pixels).numpy(), spacing[0], np.zeros(2))
    _write_image(group.create_group("gt-seg"), _segmentation(made, camera, pose), spacing[0], np.zeros(2))
    projection = intrinsic @ (EXTRINSIC.float().double() @ torch.linalg.inv(matrix.double()))[:3]
    for name, point in landmarks.items():
        u, v, w = (projection @ torch.tensor([*point[:, 0], 1.0], dtype=torch.float64)).tolist()
        group[f"gt-landmarks/{name}"] = np.array([[u / w], [v / w]], np.float32)
    for part in ("pelvis", "left-femur", "right-femur"):
        group[f"gt-poses/cam-to-{part}-vol"] = matrix.numpy()
    for side in ("left", "right"):
        group[f"gt-poses/{side}-femur-good-fov"] = 0
    group["rot-180-for-up"] = int(turned)


def _segmentation(made: Specimen, camera, pose: Tensor, coarser: int = 4) -> np.ndarray:
    """The label of the thickest structure behind each pixel, (rows, columns) uint8, in blocks of ``coarser`` pixels."""
    small = camera.resize(*(size // coarser for size in camera.shape))
    lps_from_voxel = np.diag([made.voxel] * 3 + [1.0])
    lps_from_voxel[:3, 3] = made.origin
    affine = made.world_from_lps.numpy() @ lps_from_voxel
    thickness = [np.full(small.shape, 0.1)]  # g/cm², that is mm of water: less than this is background
    for label in STANDS_FOR:
        water = torch.from_numpy(np.where(made.labels == label, 0.0, -1000.0).astype(np.float32))[None]
        labelled = torchio.Subject(volume=torchio.ScalarImage(tensor=water, affine=affine))
        thickness.append(trace(labelled, small, pose, tissues=False)[0])
    return np.argmax(thickness, 0).astype(np.uint8).repeat(coarser, 0).repeat(coarser, 1)
