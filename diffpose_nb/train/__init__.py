"""A network for one patient, that says from which pose an X-ray was taken.

:func:`fit` trains it on DRRs of the patient's CT; :class:`PoseRegressor` is the network. Imports ``similarity`` and
what lies below it, and nothing of ``register``: the two meet only in the user's hands.
"""

from .augment import Augmentation
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
    "facing",
    "fit",
    "warp",
    "widened",
]
