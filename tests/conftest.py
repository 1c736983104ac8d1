import os
import shutil

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


@pytest.fixture(scope="session")
def outside_program():
    """Finds a program that pip does not install. Where it is missing: a skip; under REQUIRE_EXTERNALS=1 a failure."""

    def find(name, package):
        path = shutil.which(name)
        if path is None and os.environ.get("REQUIRE_EXTERNALS") == "1":
            pytest.fail(f"{name} is missing: apt install {package}")
        if path is None:
            pytest.skip(f"{name} is missing: apt install {package}")
        return path

    return find
