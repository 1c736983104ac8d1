"""A chest of a few voxels with the structures that twins ask for, so that a twin takes a second."""

import numpy as np
import pandas as pd

from diffpose_nb import ct

NAMES = ["vertebrae_T8", "sternum", "scapula_left", "scapula_right"] + [
    f"rib_{side}_{n}" for side in ("left", "right") for n in range(4, 11)
]


def make_chest(voxel=6.0):
    """Blocks of bone in a block of soft tissue in air, (40, 34, 44) voxels along left, posterior and head."""
    hounsfield = np.full((40, 34, 44), -1000.0)
    hounsfield[4:36, 5:29, :] = 30.0
    labels = np.zeros(hounsfield.shape, np.uint8)
    boxes = {
        "vertebrae_T8": np.s_[18:22, 20:25, 4:40],
        "sternum": np.s_[19:22, 6:9, 14:30],
        "scapula_left": np.s_[30:33, 22:26, 28:38],
        "scapula_right": np.s_[6:9, 22:26, 26:38],
    }
    for n in range(4, 11):
        boxes[f"rib_left_{n}"] = np.s_[31:33, 9 + n % 3 : 20, 41 - 3 * n + 8 : 42 - 3 * n + 9]
        boxes[f"rib_right_{n}"] = np.s_[7:9, 10 + n % 2 : 19, 41 - 3 * n + 7 : 42 - 3 * n + 8]
    for label, name in enumerate(NAMES, 1):
        hounsfield[boxes[name]], labels[boxes[name]] = 400 + 20 * label, label
    group = ["ribs" if name.startswith("rib") else "skeleton" for name in NAMES]
    table = pd.DataFrame({"id": range(1, len(NAMES) + 1), "structure": NAMES, "group": group})
    lps_from_voxel = np.diag([voxel, voxel, voxel, 1.0])
    lps_from_voxel[:3, 3] = [-100, 40, 700]
    return ct.make_subject(hounsfield, lps_from_voxel, labels, structures=table)
