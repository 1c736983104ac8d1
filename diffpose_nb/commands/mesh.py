"""``python -m diffpose_nb.commands.mesh`` makes the mesh of the example CT's bones in ``diffpose_nb/data/``."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import ct
from ..scenes import bones


def main(path: Path = bones.EXAMPLE_BONES, triangles: int = 25_000) -> None:
    """Write the bones of :func:`diffpose_nb.ct.example`, about 200 KB."""
    bones.save(bones.surface(ct.example(), triangles), path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m diffpose_nb.commands.mesh", description=__doc__)
    parser.add_argument("--path", type=Path, default=bones.EXAMPLE_BONES, help="what to write (default: the package's)")
    parser.add_argument("--triangles", type=int, default=25_000, help="about how many (default: 25,000)")
    arguments = parser.parse_args()
    main(arguments.path, arguments.triangles)
