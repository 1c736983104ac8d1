"""Projection matrices of RTK's ThreeDCircularProjectionGeometry, for rtk.json. CONTRIBUTING.md has the command."""

import json
from pathlib import Path

import numpy as np
from itk import RTK, array_from_matrix  # itk-rtk 2.7.0, itk 5.4

PARAMETERS = [
    "source_to_isocenter",
    "source_to_detector",
    "gantry_angle",
    "projection_offset_x",
    "projection_offset_y",
    "out_of_plane_angle",
    "in_plane_angle",
    "source_offset_x",
    "source_offset_y",
]

random = np.random.default_rng(4)
geometry = RTK.ThreeDCircularProjectionGeometry.New()
cases = []
for index in range(24):
    sid, beyond = random.uniform([500, 200], [900, 500]).round(2)
    gantry, out_of_plane, in_plane = random.uniform([0, -60, -180], [360, 60, 180]).round(2)
    offsets = random.uniform(-80, 80, 4).round(2).tolist()
    values = [sid, sid + beyond, gantry, *offsets[:2], out_of_plane, in_plane, *offsets[2:]]
    geometry.AddProjection(*values)
    matrix = array_from_matrix(geometry.GetMatrix(index))
    cases.append({**dict(zip(PARAMETERS, values, strict=True)), "matrix": matrix.tolist()})
(Path(__file__).parent / "rtk.json").write_text(json.dumps(cases, indent=0) + "\n", encoding="utf-8")
