"""``python labs/make_coarse_ct.py`` makes the coarse CT of the labs in ``diffpose_nb/data/``, about 300 KB."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from diffpose_nb import ct, data
from diffpose_nb.labs.coarse import LOWEST, STEP

BLOCKS = (6, 6, 2)
"""So many voxels along each axis become one."""


def main(path: Path = data.EXAMPLE_COARSE_CT) -> None:
    """Average the Hounsfield units of :func:`diffpose_nb.ct.example` over blocks and write them as bytes."""
    volume = ct.example().volume
    kept = [n // block * block for n, block in zip(volume.spatial_shape, BLOCKS, strict=True)]
    values = volume.data[0, : kept[0], : kept[1], : kept[2]].numpy().astype(np.float64).clip(LOWEST, None)
    shape = [part for n, block in zip(kept, BLOCKS, strict=True) for part in (n // block, block)]
    blocks = values.reshape(shape).mean((1, 3, 5))
    world_from_voxel = volume.affine @ np.diag([*BLOCKS, 1.0])
    world_from_voxel[:3, 3] = -world_from_voxel[:3, :3] @ ((np.array(blocks.shape) - 1) / 2)  # origin in its own middle
    stored = np.rint((blocks - LOWEST) / STEP).clip(0, 255).astype(np.uint8)
    np.savez_compressed(path, bytes=stored, world_from_voxel=world_from_voxel)


if __name__ == "__main__":
    main()
