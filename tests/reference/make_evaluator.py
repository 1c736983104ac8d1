"""What DiffPose 0.0.1's ``Evaluator`` says of some poses, for evaluator.json. CONTRIBUTING.md has the command.

It is given a specimen of three things that it asks for: the intrinsics, the landmarks and the true pose.
"""

import json
import sys
from pathlib import Path
from types import ModuleType

import diffdrr
import numpy as np
import torch
from diffdrr import utils

assert "0.3.9" in diffdrr.__version__

# DiffPose imports pytorch3d, which cannot be had; DiffDRR 0.3.9 brings a copy of what it uses
stand_in = ModuleType("pytorch3d.transforms")
vars(stand_in).update(vars(utils))
sys.modules.update({"pytorch3d": ModuleType("pytorch3d"), "pytorch3d.transforms": stand_in})

from diffpose.calibration import RigidTransform, convert  # noqa: E402
from diffpose.deepfluoro import Evaluator  # noqa: E402

F, SPACING, PIXELS = 1020.0, 0.194, 1536
random = np.random.default_rng(11)


class Specimen:
    """DeepFluoro's geometry, as ``DeepFluoroDataset`` has it, with a volume whose frame is LPS itself."""

    focal_len = F
    intrinsic = torch.tensor([[-F / SPACING, 0, PIXELS / 2], [0, -F / SPACING, PIXELS / 2], [0, 0, 1]])
    flip_xz = RigidTransform(torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), torch.zeros(3))
    translate = RigidTransform(torch.eye(3), torch.tensor([-F / 2, 0.0, 0.0]))
    lps2volume = RigidTransform(torch.eye(3), torch.zeros(3))

    def __init__(self, fiducials, pose):
        self.fiducials, self.pose = fiducials, pose

    def __getitem__(self, index):
        return None, self.pose


def some_pose(rotation, translation):
    """A pose by rotation vector and translation, as DiffPose draws its offsets."""
    offset = [torch.tensor(values, dtype=torch.float32)[None] for values in (rotation, translation)]
    return convert(offset, "se3_log_map", "se3_exp_map")


def columns(pose):
    """Their matrices act on rows; ours on columns."""
    return pose.get_matrix()[0].mT.tolist()


cases = []
for _ in range(8):
    fiducials = torch.from_numpy(random.uniform(-90, 90, (1, 7, 3)).astype(np.float32))
    truth = some_pose(random.normal(0, 0.4, 3), random.normal([250, 0, 0], 25))
    estimate = truth.compose(some_pose(random.normal(0, 0.03, 3), random.normal(0, 4, 3)))
    published = Evaluator(Specimen(fiducials, truth), 0)(estimate)
    cases.append(
        {"truth": columns(truth), "estimate": columns(estimate), "landmarks": fiducials[0].tolist()}
        | {"published": published.item()}
    )
content = {"about": __doc__.splitlines()[0], "sid": F, "pixel_spacing": SPACING, "pixels": PIXELS, "cases": cases}
Path(__file__).with_name("evaluator.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
