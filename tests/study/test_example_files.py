"""The example as a hospital would hand it out: the same patient in the same place."""

import pytest
import torch
import torchio

from diffpose_nb import ct, data, study
from diffpose_nb.dicom import read_xray


def test_the_series_is_the_same_ct(example, tmp_path):
    folder, xray = study.example_files(tmp_path / "new")
    subject = ct.load_ct(folder, progress=False)
    assert torch.allclose(subject["lps_from_world"], example["lps_from_world"], atol=1e-6)
    first, second = (torchio.ToCanonical()(each["volume"]) for each in (subject, example))
    assert first.affine == pytest.approx(second.affine, abs=1e-5)
    assert torch.equal(first.data, second.data)
    assert torch.equal(read_xray(xray).pixels, read_xray(data.EXAMPLE_XRAY).pixels)


def test_what_is_there_stays(tmp_path):
    (tmp_path / "ct").mkdir()
    (tmp_path / "xray.dcm").write_text("mine")
    assert study.example_files(tmp_path) == (tmp_path / "ct", tmp_path / "xray.dcm")
    assert list((tmp_path / "ct").iterdir()) == [] and (tmp_path / "xray.dcm").read_text() == "mine"
