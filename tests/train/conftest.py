import pytest

from diffpose_nb.camera import Camera
from diffpose_nb.train import PoseRange

CAMERA = Camera(1020.0, (9.7, 9.7), (32, 32))
"""Few pixels: what is tested is the way, not how well it can be gone."""


@pytest.fixture(scope="session")
def camera():
    return CAMERA


@pytest.fixture
def poses():
    return PoseRange(view=(20, 10))
