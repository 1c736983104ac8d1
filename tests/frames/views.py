"""Views to convert: none of them is symmetric in anything."""

import roma
import torch

from diffpose_nb.camera import Camera
from diffpose_nb.frames import make_transform

# a letter F, 60 mm high, whose strokes leave its plane: every mirror image and every turn of it differs
LETTER = torch.tensor(
    [[0, 0, 0], [0, 0, 30], [0, 0, 60], [20, 5, 60], [40, 12, 60], [15, -8, 30], [27, -20, 33], [4, 31, -7]],
    dtype=torch.float64,
)


def random_view(seed, *, mirrored=None, square=False):
    """A camera and a pose whose detector is behind the letter, wherever that puts it."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(10, generator=generator, dtype=torch.float64).tolist()
    spacing = (0.4 + numbers[0], 0.4 + numbers[0 if square else 1])
    shape = (90 + round(100 * numbers[2]), 90 + round(100 * numbers[3]))
    point = (shape[1] * (0.2 + 0.6 * numbers[4]), shape[0] * (0.2 + 0.6 * numbers[5]))
    camera = Camera(
        900 + 300 * numbers[6], spacing, shape, point, mirrored=seed % 2 == 0 if mirrored is None else mirrored
    )
    rotation = roma.unitquat_to_rotmat(
        torch.nn.functional.normalize(torch.randn(4, generator=generator).double(), dim=0)
    )
    off_axis = rotation[:, :2] @ (40 * torch.randn(2, generator=generator).double())
    return camera, make_transform(rotation, off_axis - (500 + 200 * numbers[7]) * rotation[:, 2])
