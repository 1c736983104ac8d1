"""What an error measures: landmarks in the picture, and the numbers that different definitions make of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...images import XRay, open_field
from ..images import picture
from ..registration import landmark_errors
from ..style import BLUE, ORANGE
from .saving import WIDTH, in_large_letters, panels, plain_log

_LOW, _HIGH = 0.01, 1000.0
"""Ends of the bars' axis, mm."""


@in_large_letters
def errors_of_a_pose(
    xray: XRay, landmarks: pd.DataFrame, estimate: Tensor, truth: Tensor, errors: Mapping[str, float]
) -> Figure:
    """An X-ray with a line from where each landmark is to where the pose puts it; below it the errors as bars.

    Parameters
    ----------
    landmarks
        Table of :func:`diffpose_nb.ct.landmarks`.
    estimate, truth
        (4, 4) poses ``world_from_camera``.
    errors
        Name → error, mm. A bar that is shorter than 0.01 mm is not drawn, but its number is.
    """
    figure, axes = panels(2, 1, 2.9, height_ratios=[3.6, 0.35 + 0.3 * len(errors)])
    above, below = axes[:, 0]
    image = xray.attenuation()
    picture(image.where(open_field(image), torch.nan), xray.camera, above)
    landmark_errors(above, landmarks, xray.camera, estimate, truth, color=ORANGE)
    above.set(xticks=[], yticks=[], xlabel="")
    values = np.array(list(errors.values()))
    places = np.arange(len(values))
    below.barh(places, np.clip(values, _LOW, None) - _LOW, left=_LOW, color=BLUE, height=0.62)
    for place, value in zip(places, values, strict=True):
        below.text(1.15 * max(value, _LOW), place, f"{value:.2f}", va="center")
    below.set(xscale="log", xlim=(_LOW, _HIGH), xlabel="mm")
    plain_log(below.xaxis)
    below.set_yticks(places, list(errors))
    below.invert_yaxis()
    figure.set_size_inches(WIDTH, 4.0 + 0.3 * len(errors))
    return figure
