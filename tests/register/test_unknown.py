"""X-rays of which not everything is known: the view, the mirror, the greys."""

from dataclasses import replace

import own_patient
import pytest

from diffpose_nb.evaluate import mtre
from diffpose_nb.register import Strategy, refine
from diffpose_nb.register.unknown.reading import readings, register_readings
from diffpose_nb.register.unknown.start import find_start


@pytest.fixture(scope="module")
def patient():
    return own_patient.subject()


@pytest.mark.parametrize(("primary", "secondary"), [(-70, 5), (160, -12)])
def test_a_start_is_found_from_all_sides(patient, primary, secondary):
    xray = own_patient.shoot(patient, primary, secondary)
    unknown = replace(xray, world_from_camera=own_patient.shoot(patient, 0, 0).world_from_camera)
    start = find_start(patient, unknown, own_patient.SOD, progress=False)
    assert mtre(start, xray.true_world_from_camera, own_patient.POINTS) < 8


def test_the_reading_that_is_right_is_found_and_said(patient):
    """The picture was flipped and its greys turned over, and neither is known."""
    xray = own_patient.shoot(patient)
    beam = xray.pixels.flip(1)
    wrong = replace(xray, pixels=beam.max() + beam.min() - beam, notes=["Mirror: it is taken to be seen from …"])
    once = Strategy(restarts=0)
    tried = register_readings(readings(wrong), lambda x: refine(patient, x, search=once, progress=False))
    assert tried[0].name == "mirrored and inverted"
    assert tried[0].xray.notes[-1].startswith("Reading: the X-ray is taken mirrored and inverted.")
    assert not [note for note in tried[0].xray.notes if note.startswith("Mirror:")]
    assert [note for note in wrong.notes if note.startswith("Mirror:")], "the X-ray that was given stays as it is"
    assert mtre(tried[0].refinement.world_from_camera, xray.true_world_from_camera, own_patient.POINTS) < 1.5


def test_only_the_readings_that_are_asked_for_are_made(patient):
    xray = own_patient.shoot(patient)
    assert list(readings(xray, mirrored=False, inverted=False)) == ["as given"]
    assert list(readings(xray, inverted=False)) == ["as given", "mirrored"]
    assert readings(xray)["inverted"].sign == -xray.sign
    assert readings(xray)["mirrored"].camera.mirrored is False
