"""A plain XA file to damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from xa_files import PATIENT, make_xray

from diffpose_nb.dicom import write_xray


@pytest.fixture
def xa(tmp_path: Path) -> Callable[..., Path]:
    """Write a plain XA file with a patient; keywords set tags, None deletes them."""

    def write(change: Callable[[pydicom.Dataset], None] | None = None, /, **tags: object) -> Path:
        path = tmp_path / "xa.dcm"
        write_xray(path, make_xray())
        dataset = pydicom.dcmread(path)
        with pydicom.config.disable_value_validation():
            for keyword, value in (PATIENT | tags).items():
                if value is None:
                    del dataset[keyword]
                else:
                    setattr(dataset, keyword, value)
            if change is not None:
                change(dataset)
            dataset.save_as(path)
        return path

    return write
