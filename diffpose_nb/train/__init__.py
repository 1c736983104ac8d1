"""A network for one patient, which estimates the pose from which an X-ray was taken.

:func:`fit` trains it on DRRs of the patient's CT; :class:`PoseRegressor` is the network. This package imports
``similarity`` and what that imports, but nothing of ``register``. The user combines the two: a registration can start
from the pose that the network returns.
"""

from ..evaluate import camera_errors
from .augment import Augmentation
from .centres import label_centres
from .pictures import Pictures, Pool, facing, warp, widened
from .poses import PoseRange
from .regressor import PoseRegressor
from .training import CAMERA, Training, fit

__all__ = [
    "CAMERA",
    "Augmentation",
    "Pictures",
    "Pool",
    "PoseRange",
    "PoseRegressor",
    "Training",
    "camera_errors",
    "facing",
    "fit",
    "label_centres",
    "warp",
    "widened",
]
