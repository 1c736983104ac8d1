"""``python -m diffpose_nb.commands.papers.landmarks`` trains a small network that finds landmarks in X-rays of the CT.

Two to five minutes on one CPU core. ``python -m diffpose_nb.commands.papers`` uses what it writes, 1.8 MB in the
working folder, and leaves the method out where it is missing. Ctrl-C stops it; the same command goes on from the last
minute.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ... import ct, data
from ...study.papers.landmarks import fit_landmarks
from ...train import PoseRegressor

NETWORK = Path("_work") / "papers_landmarks.pt"
"""Where the network is written, in the current folder."""


def main(path: Path = NETWORK, steps: int = 1000) -> None:
    """Train the network and write it."""
    subject = ct.example()
    network = PoseRegressor.load(data.EXAMPLE_REGRESSOR)
    fit_landmarks(subject, ct.landmarks(subject), network, path, steps=steps)
    print(f"wrote {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.papers.landmarks", description=__doc__)
    parser.add_argument("--path", type=Path, default=NETWORK, help="the checkpoint to write, or to go on from")
    parser.add_argument("--steps", type=int, default=1000, help="steps of 16 pictures (default 1000)")
    arguments = parser.parse_args()
    main(arguments.path, arguments.steps)
