"""What a CT says of itself, and nothing of the patient."""

import numpy as np
from dicom_series import grid, phantom, write_series
from test_files import nifti

from diffpose_nb import ct


def table_of(path):
    table = ct.describe(path, progress=False)
    return table, dict(zip(table.property, table.value, strict=True))


def test_a_series(tmp_path):
    folder = write_series(
        tmp_path / "s", phantom(), grid(tilt=10), [k for k in range(24) if k != 7], PixelPaddingValue=9
    )
    table, found = table_of(folder)
    assert found["slices"] == "23" and found["files"] == "23" and found["voxels"] == "16 × 12 × 24"
    assert found["voxel size"] == "0.8 × 0.8 × 2.5" and found["tilt of the slices"] == "10.00"
    assert found["axes run towards"] == "L, P, H"
    assert (found["smallest slice distance"], found["largest slice distance"]) == ("2.462", "4.924")
    assert (found["tube voltage"], found["kernel"], found["contrast agent"]) == ("120", "B30F", "not named")
    assert found["numbers"] == "-1000 to 1500" and found["padding"] == "9"
    notes = " ".join(table.value[table.property == "note"])
    assert "tilted" in notes and "gap" in notes
    assert "Secret" not in table.to_string() and "SECRET" not in table.to_string()


def test_text_that_strayed_into_a_tag_is_not_shown(tmp_path):
    folder = write_series(
        tmp_path / "s", phantom(), grid(), ConvolutionKernel="Mr Secret Name", ContrastBolusAgent="SECRET"
    )
    table, found = table_of(folder)
    assert found["kernel"] == "not shown" and found["contrast agent"] == "named"
    assert "SECRET" not in table.to_string().upper().replace("NOT SHOWN", "")


def test_a_file_with_other_numbers(tmp_path):
    _, found = table_of(nifti(tmp_path / "a.nii", (phantom() + 1024).astype(np.uint16)))
    assert found["format"] == "NIfTI" and "load_ct will ask" in found["note"]
