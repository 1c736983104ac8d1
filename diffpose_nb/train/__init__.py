"""A network for one patient, that says from which pose an X-ray was taken."""

from .augment import Augmentation
from .errors import camera_errors
from .poses import PoseRange
from .regressor import PoseRegressor
from .training import CAMERA, Training, fit

__all__ = ["CAMERA", "Augmentation", "PoseRange", "PoseRegressor", "Training", "camera_errors", "fit"]
