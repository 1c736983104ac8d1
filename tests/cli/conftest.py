from types import SimpleNamespace

import own_patient
import PIL.Image
import pytest
from typer.testing import CliRunner

from diffpose_nb.cli.app import app


@pytest.fixture(scope="session")
def patient():
    return own_patient.subject()


@pytest.fixture(scope="session")
def files(tmp_path_factory, patient):
    """A patient's files: a series, two X-rays, a picture, a label map."""
    folder = tmp_path_factory.mktemp("patient")
    xray, side = own_patient.shoot(patient), own_patient.shoot(patient, primary=-70.0)
    PIL.Image.fromarray(own_patient.stored(xray)).save(folder / "front.png")
    return SimpleNamespace(
        folder=folder,
        ct=own_patient.write_series(folder / "series"),
        front=own_patient.write_xa(folder / "front.dcm", xray),
        side=own_patient.write_xa(folder / "side.dcm", side, primary=-70.0),
        picture=folder / "front.png",
        labels=own_patient.write_labels(folder / "labels.nii.gz"),
        truth=xray.true_world_from_camera,
        side_truth=side.true_world_from_camera,
    )


@pytest.fixture
def call():
    """Runs the command with these words: a result with exit_code, stdout and stderr."""
    runner = CliRunner()

    def run(*words):
        return runner.invoke(app, [str(word) for word in words])

    return run
