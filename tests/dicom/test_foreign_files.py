"""Every DICOM file that pydicom installs gives geometry or a clear refusal."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path

import pydicom

from diffpose_nb.dicom import DicomError, DicomGeometryError, NotAnXRay, UnreadableDicom, describe, read_xray

FILES = sorted(
    path
    for path in (Path(pydicom.__file__).parent / "data").rglob("*")
    if path.is_file() and path.suffix not in (".py", ".pyc")
)


def test_each_file_gives_geometry_or_a_refusal() -> None:
    kinds = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for path in FILES:
            for read in (read_xray, describe):
                try:
                    read(path)
                    kinds[read.__name__] += 1
                except DicomError as error:
                    assert type(error) is not DicomError
                    assert str(path) in str(error)
                    kinds[type(error)] += 1
    assert len(FILES) > 100
    assert kinds[NotAnXRay] > 100
    assert kinds[UnreadableDicom] > 0
    assert kinds[DicomGeometryError] > 0  # the computed radiographs, which say nothing of a C-arm
    assert kinds["read_xray"] == 0
    assert kinds["describe"] > 0


def test_a_radiograph_that_says_nothing_can_be_told() -> None:
    """A computed radiograph of pydicom's, with the geometry as arguments."""
    path = next(path for path in FILES if path.parts[-2:] == ("CR1", "6154"))
    try:
        xray = read_xray(path, sid=1800, sod=1600, primary=0, secondary=0, pixel_spacing=(1, 1))
    except UnreadableDicom as error:
        assert "no Pixel Data" in str(error)
    else:
        assert xray.camera.sid == 1800
