"""Pixels: compression, tables, and what a value says about the beam."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
import torch
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, RLELossless

from diffpose_nb.dicom import UnreadableDicom, read_xray

CR, DX = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"


def larger(dataset: pydicom.Dataset) -> np.ndarray:
    """Give a data set an image that encoders take; some refuse 12 x 10 pixels."""
    pixels = np.add.outer(np.arange(64) * 40, np.arange(48) * 7).astype("<u2")
    dataset.Rows, dataset.Columns, dataset.PixelData = 64, 48, pixels.tobytes()
    return pixels


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compression_changes_nothing(xa, syntax: str) -> None:
    def compress(dataset: pydicom.Dataset) -> None:
        larger(dataset)
        dataset.compress(syntax)

    expected = larger(pydicom.Dataset()).astype(np.float32)
    torch.testing.assert_close(read_xray(xa(compress)).pixels, torch.from_numpy(expected))


def test_baseline_jpeg(xa) -> None:
    pixels = (larger(pydicom.Dataset()) // 16).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="JPEG", quality=95)

    def compress(dataset: pydicom.Dataset) -> None:
        larger(dataset)
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        dataset.PixelData = encapsulate([stream.getvalue()])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit

    found = read_xray(xa(compress)).pixels
    assert (found - torch.from_numpy(pixels.astype(np.float32))).abs().max() <= 4


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("MR_small_jpeg_ls_lossless.dcm", "MR_small.dcm"),
        ("MR_small_jp2klossless.dcm", "MR_small.dcm"),
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("JPGExtended.dcm", None),
    ],
)
def test_streams_of_other_encoders(xa, name: str, reference: str | None) -> None:
    """Streams from pydicom's test data, in an XA file of ours."""
    source = pydicom.dcmread(get_testdata_file(name))

    def transplant(dataset: pydicom.Dataset) -> None:
        for keyword in (
            *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
            *("SamplesPerPixel", "PhotometricInterpretation", "PixelData"),
        ):
            dataset[keyword] = source[keyword]
        dataset.file_meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID

    xray = read_xray(xa(transplant))
    assert tuple(xray.pixels.shape) == (source.Rows, source.Columns) == xray.camera.shape
    if reference:
        expected = pydicom.dcmread(get_testdata_file(reference)).pixel_array.astype(np.float32)
        torch.testing.assert_close(xray.pixels, torch.from_numpy(expected))
    else:
        assert xray.pixels.std() > 1


def test_damaged_and_unknown_compression_is_refused(xa) -> None:
    def compress(dataset: pydicom.Dataset) -> None:
        larger(dataset)
        dataset.compress(JPEG2000Lossless)

    path = xa(compress)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.PixelData[:40] + bytes(len(dataset.PixelData) - 40)
    dataset.save_as(path)
    with pytest.raises(UnreadableDicom, match="JPEG 2000"):
        read_xray(path)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, ("LIN", 1)),
        ({"PhotometricInterpretation": "MONOCHROME1"}, ("LIN", 1)),
        ({"PixelIntensityRelationship": "DISP"}, ("DISP", 1)),
        ({"PixelIntensityRelationship": "DISP", "PhotometricInterpretation": "MONOCHROME1"}, ("DISP", -1)),
        ({"PixelIntensityRelationship": "LOG", "PixelIntensityRelationshipSign": -1}, ("LOG", -1)),
        ({"SOPClassUID": CR, "PixelIntensityRelationship": None}, ("DISP", -1)),
        (
            {"SOPClassUID": CR, "PixelIntensityRelationship": None, "PhotometricInterpretation": "MONOCHROME1"},
            ("DISP", 1),
        ),
        ({"SOPClassUID": DX, "PixelIntensityRelationshipSign": 1}, ("LIN", 1)),
        # The sign's tag speaks of stored values, which a falling rescale turns over; MONOCHROME2 of those after it.
        ({"SOPClassUID": DX, "RescaleSlope": "-1", "RescaleIntercept": "9000"}, ("LIN", -1)),
        (
            {"PixelIntensityRelationshipSign": 1, "SOPClassUID": DX, "RescaleSlope": "-1", "RescaleIntercept": "9000"},
            ("LIN", -1),
        ),
        ({"SOPClassUID": CR, "PixelIntensityRelationship": None, "RescaleSlope": "-10"}, ("DISP", -1)),
    ],
)
def test_what_larger_pixels_mean(xa, tags: dict, expected: tuple[str, int]) -> None:
    xray = read_xray(xa(**tags))
    assert (xray.relationship, xray.sign) == expected
    if "PixelIntensityRelationshipSign" not in tags and expected[0] == "DISP":
        assert any("Pixel Intensity Relationship Sign (0028,1041) is missing" in note for note in xray.notes)


def lookup_table(values: np.ndarray, first: int) -> pydicom.Dataset:
    """A LUT item of 16 bits."""
    item = pydicom.Dataset()
    item.add(pydicom.DataElement("LUTDescriptor", "US", [len(values), first, 16]))
    item.ModalityLUTType = "US"
    item.add(pydicom.DataElement("LUTData", "OW", values.astype("<u2").tobytes()))
    return item


def test_a_logarithm_with_a_table_back_is_linear_and_gets_its_logarithm(xa) -> None:
    """Stored values are 1000 + 0 … 119; the table undoes a logarithm of base e^(1/40)."""
    table = np.rint(500 * np.exp(np.arange(120) / 40))
    item = lookup_table(table, 1000)
    xray = read_xray(xa(PixelIntensityRelationship="LOG", ModalityLUTSequence=[item]))
    assert (xray.relationship, xray.sign) == ("LIN", 1)
    assert any("by the file's lookup table" in note for note in xray.notes)
    expected = (119 - torch.arange(120.0).reshape(12, 10)) / 40
    torch.testing.assert_close(xray.attenuation(), expected, atol=2e-3, rtol=0)
    bare = read_xray(xa(PixelIntensityRelationship="LOG"))
    torch.testing.assert_close(bare.attenuation() / 40, expected, atol=1e-5, rtol=0)


def test_a_table_of_radiography_is_a_step_to_display(xa) -> None:
    item = lookup_table(np.arange(120)[::-1] * 3, 1000)
    xray = read_xray(xa(SOPClassUID=CR, PixelIntensityRelationship="LOG", ModalityLUTSequence=[item]))
    assert (xray.relationship, xray.sign) == ("LOG", -1)  # MONOCHROME2 speaks of what the table gives
    assert xray.pixels[0, 0] == 357


def test_half_a_rescale_is_noted_and_nonsense_refused(xa) -> None:
    xray = read_xray(xa(RescaleSlope="2"))
    assert xray.pixels[0, 0] == 2000
    assert any("one is missing" in note for note in xray.notes)
    with pytest.raises(UnreadableDicom, match="makes some pixels infinite"):
        read_xray(xa(RescaleSlope="1e300", RescaleIntercept="0"))
    with pytest.raises(UnreadableDicom, match="Rescale"):
        read_xray(xa(lambda ds: ds.add(pydicom.DataElement("RescaleSlope", "LO", "two")), RescaleIntercept="0"))


def test_colour_is_refused(xa) -> None:
    with pytest.raises(UnreadableDicom, match="colour"):
        read_xray(xa(PhotometricInterpretation="PALETTE COLOR"))


def test_note_and_sign_agree_whatever_the_rescale(xa) -> None:
    for slope in ("10", "-10"):
        xray = read_xray(xa(SOPClassUID=CR, PixelIntensityRelationship=None, RescaleSlope=slope, RescaleIntercept="0"))
        note = [note for note in xray.notes if "larger pixels" in note][-1]
        assert ("less beam" in note) == (xray.sign == -1)
        assert (slope == "-10") == any("nor does the picture" in note for note in xray.notes), "noise tells nothing"


@pytest.mark.parametrize("behind", [bytes(2), bytes(512), b"\xff" * 30])
def test_padding_behind_the_pixels_is_left_out_and_noted(xa, behind) -> None:
    whole = read_xray(xa())
    padded = read_xray(xa(lambda ds: setattr(ds, "PixelData", ds.PixelData + behind)))
    assert torch.equal(padded.pixels, whole.pixels)
    assert f"{len(behind)} bytes of padding" in " ".join(padded.notes)
    with pytest.raises(UnreadableDicom, match="its header changed"):
        read_xray(xa(lambda ds: setattr(ds, "PixelData", ds.PixelData + bytes(range(40)))))
