"""The record of a view: each program's own arithmetic projects landmarks of the CT to the same pixels."""

import json

import cv2
import numpy as np
import pytest
import torch
from conftest import same_pixels
from diffdrr.drr import DRR
from diffdrr.pose import RigidTransform

from diffpose_nb.camera import transform_points
from diffpose_nb.exchange import read_record, record_of


@pytest.fixture
def record(view, patient):
    """As it comes back from a file."""
    return json.loads(json.dumps(record_of(*view, patient)))


def test_read_back(record, view, patient, points):
    same_pixels(view, read_record(record), points)
    same_pixels(view, read_record(record, patient), points)


def test_opencv_projects_scanner_coordinates(record, view, patient, points):
    """With K and rvec, tvec; and by hand with the matrix, as the report shows it."""
    camera, pose = view
    lps = transform_points(patient["lps_from_world"], points)
    opencv = {key: np.array(value, float) for key, value in record["opencv"].items()}
    pixels, _ = cv2.projectPoints(lps.numpy(), opencv["rvec"], opencv["tvec"], opencv["K"], None)
    assert np.abs(pixels[:, 0] - camera.project(points, pose).numpy()).max() < 1e-3
    for point, pixel in zip(lps.tolist(), pixels[:, 0], strict=True):
        x, y, z = (opencv["camera_from_lps"] @ [*point, 1])[:3]
        assert np.allclose((opencv["K"] @ [x / z, y / z, 1])[:2], pixel, atol=1e-6)


def test_diffdrr_projects_the_world(record, view, patient, points):
    """DiffDRR counts from pixel edges, in float32."""
    camera, pose = view
    arguments = dict(record["diffdrr"])
    matrix = torch.tensor(arguments.pop("pose"))
    drr = DRR(patient, **arguments)
    pixels = drr.perspective_projection(RigidTransform(matrix[None]), points[None].float())[0] - 0.5
    assert (pixels - camera.project(points, pose)).abs().max() < 2e-3


def test_nanodrr_projects_the_files_ras(record, view, patient, points):
    """By nanodrr's own definition: pixel ~ K · inverse(rt_inv) · point, from pixel edges, in the file's RAS."""
    camera, pose = view
    nano = {key: torch.tensor(value, dtype=torch.float64) for key, value in record["nanodrr"].items()}
    ras = transform_points(patient["lps_from_world"], points) * torch.tensor([-1.0, -1.0, 1.0])
    seen = transform_points(torch.linalg.inv(nano["rt_inv"]), ras) @ torch.linalg.inv(nano["k_inv"][0]).mT
    pixels = seen[:, :2] / seen[:, 2:] - 0.5
    assert (pixels - camera.project(points, pose)).abs().max() < 1e-3


def test_the_lps_part_says_where_source_and_detector_are(record, view, patient):
    camera, _ = view
    where = {key: np.array(value) for key, value in record["lps"].items()}
    normal = np.cross(where["columns"], where["rows"])
    distance = abs(normal @ (where["detector"] - where["source"]))
    assert distance == pytest.approx(camera.sid)


def test_a_record_that_lacks_something_is_refused(record, patient):
    del record["lps"]["rows"]
    with pytest.raises(ValueError, match="rows"):
        read_record(record, patient)
