"""A CT of a head, for tests of another anatomy: the example of InVesalius, as Debian packs it."""

import io
import plistlib
import tarfile
from pathlib import Path

import numpy as np
import pytest

from diffpose_nb import ct

FILE = Path("/usr/share/doc/invesalius-examples/examples/Cranium.inv3")
needs_cranium = pytest.mark.skipif(not FILE.exists(), reason="no CT of a head: apt install invesalius-examples")


def head(path=FILE):
    """The cranium of 256 x 256 x 108 voxels, without a label map."""
    with tarfile.open(path) as archive:
        members = {Path(name).name: name for name in archive.getnames()}
        about = plistlib.load(io.BytesIO(archive.extractfile(members["main.plist"]).read()))
        matrix = about["matrix"]
        values = np.frombuffer(archive.extractfile(members[matrix["filename"]]).read(), matrix["dtype"])
    hounsfield = values.reshape(matrix["shape"]).transpose(2, 1, 0)  # stored slice by slice, rows upwards
    return ct.make_subject(hounsfield.astype(float), np.diag(np.array([1, -1, 1, 1]) * [*about["spacing"], 1.0]))
