"""ITK's text transforms, against SimpleITK."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from diffpose_nb.camera import carm_pose, transform_points
from diffpose_nb.exchange import read_itk_transform, write_itk_transform


def _same(transform, matrix, points):
    theirs = torch.tensor([transform.TransformPoint(point) for point in points.tolist()], dtype=torch.float64)
    assert torch.allclose(theirs, transform_points(matrix, points), atol=1e-9)


def test_simpleitk_reads_what_is_written(tmp_path, points):
    matrix = carm_pose(33.0, -12.0, 700.0)
    write_itk_transform(tmp_path / "new" / "pose.tfm", matrix, "a comment")
    _same(sitk.ReadTransform(str(tmp_path / "new" / "pose.tfm")), matrix, points)
    assert torch.equal(read_itk_transform(tmp_path / "new" / "pose.tfm"), matrix)


def _transforms():
    affine = sitk.AffineTransform([1, 0.1, 0, -0.2, 0.9, 0, 0, 0.3, 1.1], [4, 5, 6], [7, 8, -9])
    euler = sitk.Euler3DTransform((3, -2, 5), 0.3, -0.5, 0.7, (10, 20, -30))
    other = sitk.Euler3DTransform(euler)
    other.SetComputeZYX(True)
    versor = sitk.VersorRigid3DTransform()
    versor.SetRotation((0.2, -0.6, 0.4), 1.1)
    versor.SetTranslation((1, 2, 3))
    versor.SetCenter((-4, 8, 15))
    return {
        "affine": affine,
        "Euler": euler,
        "Euler ZYX": other,
        "versor": versor,
        "translation": sitk.TranslationTransform(3, (1, 2, 3)),
    }


@pytest.mark.parametrize("name", _transforms())
def test_what_simpleitk_writes_is_read(tmp_path, points, name):
    transform = _transforms()[name]
    sitk.WriteTransform(transform, str(tmp_path / "x.tfm"))
    _same(transform, read_itk_transform(tmp_path / "x.tfm"), points)


def test_what_is_no_single_linear_transform_is_refused(tmp_path):
    for name, text, says in [
        ("none.tfm", None, "cannot be read"),
        ("text.tfm", "hello", "does not begin with"),
        ("two.tfm", "#Insight Transform File V1.0\nTransform: A_double_3_3\nTransform: B_double_3_3\n", "2 transforms"),
        (
            "scale.tfm",
            "#Insight Transform File V1.0\nTransform: ScaleTransform_double_3_3\n",
            "'Parameters:' is missing",
        ),
    ]:
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=says) as error:
            read_itk_transform(tmp_path / name)
        assert name in str(error.value)
    sitk.WriteTransform(sitk.ScaleTransform(3, (1, 2, 3)), str(tmp_path / "scale.tfm"))
    with pytest.raises(ValueError, match="is a ScaleTransform"):
        read_itk_transform(tmp_path / "scale.tfm")
    matrix = np.eye(4)
    write_itk_transform(tmp_path / "x.tfm", torch.from_numpy(matrix))
    text = (tmp_path / "x.tfm").read_text().replace("Parameters: 1.0", "Parameters:", 1)
    (tmp_path / "x.tfm").write_text(text)
    with pytest.raises(ValueError, match="has 11 parameters"):
        read_itk_transform(tmp_path / "x.tfm")
