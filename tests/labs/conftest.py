import os

import pytest


@pytest.fixture(scope="session")
def missing():
    """Says that something is not installed: a skip; under REQUIRE_EXTERNALS=1 a failure."""

    def missing(message):
        if os.environ.get("REQUIRE_EXTERNALS") == "1":
            pytest.fail(message)
        pytest.skip(message)

    return missing
