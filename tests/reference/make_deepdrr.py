"""Poses of DeepDRR's MobileCArm, written to deepdrr.json. CONTRIBUTING.md has the command."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

# deepdrr/__init__.py asks for CUDA; the C-arm's geometry does without
package = ModuleType("deepdrr")
package.__path__ = importlib.util.find_spec("deepdrr").submodule_search_locations
sys.modules["deepdrr"] = package

from deepdrr.device.mobile_carm import MobileCArm  # noqa: E402

random = np.random.default_rng(5)
cases = []
for index in range(24):
    alpha, beta, gamma = random.uniform([-40, -180, -180], [89, 180, 180]).round(2)
    arguments = {
        "alpha": alpha,
        "beta": beta,
        "gamma": gamma,
        "isocenter": random.uniform(-90, 90, 3).round(2).tolist(),
        "source_to_isocenter_vertical_distance": round(random.uniform(400, 800), 2),
        "source_to_isocenter_horizontal_offset": round(random.uniform(-20, 220), 2) if index % 2 else 0.0,
        "rotate_camera_left": bool(index % 3),
    }
    sizes = {"sensor_height": 120, "sensor_width": 160, "pixel_size": 1.5, "source_to_detector_distance": 1100.0}
    device = MobileCArm(**arguments, **sizes)
    matrix = np.array(device.camera_intrinsics.data) @ np.array(device.camera3d_from_device.data)[:3]
    cases.append({**arguments, **sizes, "matrix": matrix.tolist()})
(Path(__file__).parent / "deepdrr.json").write_text(json.dumps(cases, indent=0) + "\n", encoding="utf-8")
