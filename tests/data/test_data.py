import torch

from diffpose_nb import ct, data, dicom, evaluate


def test_the_example_s_truth_is_a_pose_that_its_header_does_not_know(example):
    truth, header = data.example_truth(), dicom.read_xray(data.EXAMPLE_XRAY).world_from_camera
    rotation = truth[:3, :3]
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3, dtype=torch.float64))
    assert rotation.det() > 0
    assert 15 < evaluate.mtre(header, truth, ct.landmarks(example)) < 40
