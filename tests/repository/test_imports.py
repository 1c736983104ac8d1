"""What importing the package brings with it: a notebook's first cell should not wait for what it may never use."""

import json
import subprocess
import sys

DEAR = {
    *("torch._dynamo", "torchvision", "kornia", "timm", "torchio", "diffdrr.drr", "nibabel", "SimpleITK", "highdicom"),
    *("scipy.stats", "scipy.interpolate", "xraydb", "spekpy", "pyvista"),
}
"""Modules whose import takes from a fifth of a second to seconds, and that only some functions need."""


def loaded_by(code):
    """Those of DEAR that a fresh process has loaded after some code."""
    report = f"import sys, json; print(json.dumps([name for name in {sorted(DEAR)} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_faces_load_nothing_dear():
    """Nor do poses, which need rotations."""
    faces = "ct, dicom, evaluate, exercises, frames, plots, register, render, simulate"
    assert not loaded_by(f"from diffpose_nb import {faces}\nframes.rigid_motion([1, 2, 3], [0, 0, 0])")


def test_the_compiler_is_whole_where_it_is_wanted():
    """Loaded after RoMa, which has met a stand-in for it; the same numbers with and without."""
    code = """
import torch
from diffpose_nb.camera.rotations import roma
assert "torch._dynamo" not in __import__("sys").modules
turn = torch.compile(roma.rotvec_to_rotmat, backend="eager")
vector = torch.tensor([[0.3, -0.2, 0.1]])
assert torch.equal(turn(vector), roma.rotvec_to_rotmat(vector))
assert torch._dynamo.__file__
nearest = torch.compile(roma.special_procrustes, backend="eager")
matrix = torch.eye(3)[None] + 0.1 * torch.arange(9.0).reshape(1, 3, 3)
assert torch.allclose(nearest(matrix), roma.special_procrustes(matrix))
"""
    assert loaded_by(code) == {"torch._dynamo"}
