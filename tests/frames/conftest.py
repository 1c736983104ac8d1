import pytest
from views import LETTER, random_view


@pytest.fixture(params=range(24))
def seed(request):
    return request.param


@pytest.fixture
def view(seed):
    return random_view(seed)


@pytest.fixture
def letter():
    return LETTER
