import pytest
import torch

from diffpose_nb import ct


@pytest.fixture(scope="session")
def example():
    """The chest CT; loading it takes seconds, so tests share it and leave it as it is."""
    return ct.example()


@pytest.fixture
def rng():
    return torch.Generator().manual_seed(7)
