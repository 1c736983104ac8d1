"""``python -m diffpose_nb.commands.registrations`` registers 200 X-rays and writes a table to ``diffpose_nb/data/``.

This takes about a quarter of an hour on two CPU cores. Ctrl-C stops it after the current X-ray; the next call goes on
from there.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

from .. import ct, data
from ..data import EXAMPLE_REGISTRATIONS
from ..study.registrations import table, views
from ..study.run import run
from ..train import PoseRegressor


def main(path: Path = EXAMPLE_REGISTRATIONS, number: int = 100, start_anew: bool = False) -> None:
    """Register X-rays of the example CT, with the network that comes with the package, and write the table."""
    network = PoseRegressor.load(data.EXAMPLE_REGRESSOR)
    digest = hashlib.sha256(Path(data.EXAMPLE_REGRESSOR).read_bytes()).hexdigest()[:12]
    about = f"python -m diffpose_nb.commands.registrations: {number} X-rays, {number} views, network {digest}"
    trials = [*table(network.poses, number), *views(network.poses, number)]
    if run(path, ct.example(), network, trials, about, start_anew):
        print(f"wrote {path}")
    else:
        print("stopped; the same command goes on from here")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.registrations", description=__doc__)
    parser.add_argument(
        "--path", type=Path, default=EXAMPLE_REGISTRATIONS, help="what to write (default: the package's)"
    )
    parser.add_argument("--number", type=int, default=100, help="X-rays in the table, and views beside it")
    parser.add_argument("--anew", action="store_true", help="leave what an interrupted call has made")
    arguments = parser.parse_args()
    main(arguments.path, arguments.number, arguments.anew)
