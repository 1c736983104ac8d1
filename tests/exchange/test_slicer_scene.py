"""Scenes for 3D Slicer: read back from the files alone, and by SimpleITK; markups hold to Slicer's schema."""

import json
from xml.etree import ElementTree

import numpy as np
import own_patient
import pytest
import SimpleITK as sitk
import torch
from conftest import same_pixels

from diffpose_nb.camera import invert, transform_points
from diffpose_nb.exchange import SlicerView, read_slicer_scene, write_slicer_scene
from diffpose_nb.images import XRay

NODES = {
    "Volume": "vtkMRMLScalarVolumeNode",
    "VolumeDisplay": "vtkMRMLScalarVolumeDisplayNode",
    "VolumeArchetypeStorage": "vtkMRMLVolumeArchetypeStorageNode",
    "MarkupsFiducial": "vtkMRMLMarkupsFiducialNode",
    "MarkupsLine": "vtkMRMLMarkupsLineNode",
    "MarkupsClosedCurve": "vtkMRMLMarkupsClosedCurveNode",
    "MarkupsDisplay": "vtkMRMLMarkupsDisplayNode",
    "MarkupsJsonStorage": "vtkMRMLMarkupsJsonStorageNode",
    "LinearTransform": "vtkMRMLLinearTransformNode",
    "TransformStorage": "vtkMRMLTransformStorageNode",
}
"""Tags of Slicer 5's scenes, and the classes that read them (GetNodeTagName of each)."""


@pytest.fixture
def scene(view, patient, tmp_path):
    camera, pose = view
    pixels = 1000 + torch.arange(96 * 80, dtype=torch.float32).reshape(96, 80)
    xray = XRay(pixels, camera, pose)
    return write_slicer_scene(tmp_path / "scene", patient, [SlicerView("knee & hip", xray, camera, pose)])


def test_read_back(scene, view, patient, points):
    found = read_slicer_scene(scene, torch.linalg.inv(patient["lps_from_world"]))
    assert list(found) == ["knee & hip"]
    same_pixels(view, found["knee & hip"], points)


def test_the_volumes_lie_where_they_were(scene, view, patient):
    """The CT as the scanner had it, and a pixel of the X-ray at its place on the detector, as SimpleITK sees them."""
    camera, pose = view
    ct = sitk.ReadImage(str(scene.parent / "ct.nrrd"))
    inside = ct.TransformPhysicalPointToIndex(
        [mm + 2.5 * n for mm, n in zip(own_patient.ORIGIN, (20, 30, 9), strict=True)]
    )
    assert ct[inside] == own_patient.volume()[20, 30, 9]
    shown = sitk.ReadImage(str(scene.parent / "knee & hip.nrrd"))
    column, row = 13, 71
    place = torch.tensor(shown.TransformIndexToPhysicalPoint((column, row, 0)), dtype=torch.float64)
    lps_from_camera = patient["lps_from_world"] @ pose
    there = transform_points(lps_from_camera, camera.detector_points(torch.tensor([[column, row]])))[0]
    assert (place - there).norm() < 1e-6
    assert shown[column, row, 0] == 1000 + 80 * row + column


def test_markups_are_in_lps_and_hold_to_the_schema(scene, view, patient):
    """markups-schema-v1.0.3: @schema and markups are required; type and coordinateSystem come from lists."""
    _, pose = view
    source = (patient["lps_from_world"] @ pose)[:3, 3]
    for path in scene.parent.glob("*.mrk.json"):
        content = json.loads(path.read_text())
        assert content["@schema"].endswith("markups-schema-v1.0.3.json#")
        (markup,) = content["markups"]
        assert markup["type"] in ("Fiducial", "Line", "Angle", "Curve", "ClosedCurve", "Plane", "ROI")
        assert markup["coordinateSystem"] == "LPS" and markup["coordinateUnits"] == "mm"
        for point in markup["controlPoints"]:
            assert len(point["position"]) == 3 and np.isfinite(point["position"]).all()
            assert point["positionStatus"] in ("undefined", "preview", "defined")
        if "source" in path.name:
            assert np.allclose(markup["controlPoints"][0]["position"], source)


def test_every_node_is_one_that_slicer_knows_and_every_reference_leads_to_one(scene):
    root = ElementTree.parse(scene).getroot()
    assert root.tag == "MRML"
    ids = [node.get("id") for node in root]
    assert len(set(ids)) == len(ids)
    for node in root:
        assert node.get("id").startswith(NODES[node.tag])
        for part in filter(None, node.get("references", "").split(";")):
            assert part.split(":")[1] in ids
        if node.get("fileName"):
            assert (scene.parent / node.get("fileName")).is_file()


def test_the_transform_leads_from_the_scanner_to_the_camera(scene, view, patient, points):
    _, pose = view
    transform = sitk.ReadTransform(str(scene.parent / "knee & hip.tfm"))
    lps_from_camera = patient["lps_from_world"] @ pose
    theirs = torch.tensor([transform.TransformPoint(point) for point in points.tolist()], dtype=torch.float64)
    assert torch.allclose(theirs, transform_points(invert(lps_from_camera), points), atol=1e-9)


def test_a_source_that_was_moved_in_ras_comes_back_moved(scene, view, patient, points):
    _, pose = view
    (path,) = scene.parent.glob("*source.mrk.json")
    content = json.loads(path.read_text())
    markup = content["markups"][0]
    x, y, z = markup["controlPoints"][0]["position"]
    markup["coordinateSystem"] = "RAS"
    markup["controlPoints"][0]["position"] = [-x - 8.0, -y, z]
    path.write_text(json.dumps(content))
    _, found = read_slicer_scene(scene, torch.linalg.inv(patient["lps_from_world"]))["knee & hip"]
    assert torch.allclose(found[:3, 3] - pose[:3, 3], torch.tensor([-8.0, 0.0, 0.0]).double(), atol=1e-6)


def test_a_scene_without_an_x_ray_is_refused(tmp_path):
    for text, says in [("<MRML></MRML>", "no X-ray"), ("<MRML>", "cannot be read")]:
        (tmp_path / "scene.mrml").write_text(text)
        with pytest.raises(ValueError, match=says):
            read_slicer_scene(tmp_path / "scene.mrml", torch.eye(4))
