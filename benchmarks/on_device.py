"""``python -m benchmarks.on_device``: how fast the pose network trains on this computer's GPU, and on its CPU.

Both trainings are the default one, stopped after some steps. On a GPU the DRRs are rendered there too. Without a GPU,
``--device cpu`` runs the same code with DiffDRR's kernel on the CPU, which is slow.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd
import torch

from diffpose_nb import ct
from diffpose_nb.train import fit

STEPS, BATCH = 2100, 32
"""Of the default training."""


def measure(device: str, steps: int) -> pd.DataFrame:
    """A row for the CPU with this package's march, and one for the device with DiffDRR's kernel."""
    subject = ct.example()
    rows = []
    for name, where, method in (("CPU", "cpu", "fused"), (device, device, "trilinear")):
        with tempfile.TemporaryDirectory() as folder:
            # Renewing starts with the first step; so few DRRs beforehand do not weigh much.
            training = fit(subject, Path(folder) / "pose.pt", steps=steps, pool=64, device=where, method=method)
        seconds = training.history.seconds.diff().iloc[len(training.history) // 5 :].median()
        rows.append((name, method, seconds, BATCH / seconds, STEPS * seconds))
    columns = ["device", "renderer", "seconds a step", "pictures a second", f"seconds for {STEPS} steps"]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.on_device", description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else None, help="such as cuda or mps")
    parser.add_argument("--steps", type=int, default=50)
    asked = parser.parse_args()
    if asked.device is None:
        parser.error("PyTorch sees no GPU here: --device cpu runs the same code on the CPU")
    if torch.cuda.is_available():
        print(torch.cuda.get_device_name())
    print(measure(asked.device, asked.steps).to_string(index=False, float_format=lambda x: f"{x:.3g}"))
