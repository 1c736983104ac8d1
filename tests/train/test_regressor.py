from dataclasses import replace

import pytest
import torch

from diffpose_nb.camera import Camera
from diffpose_nb.evaluate import camera_errors
from diffpose_nb.frames import carm_pose
from diffpose_nb.images import XRay
from diffpose_nb.render import Renderer
from diffpose_nb.similarity import regions
from diffpose_nb.train import PoseRegressor, fit

SMALL = {"backbone": "resnet10t", "channels": (32, 32, 32, 32)}
PARAMETERIZATIONS = [
    ("euler_angles", "YXZ"),
    ("euler_angles", "ZXY"),
    ("se3_log_map", None),
    ("quaternion", None),
    ("quaternion_adjugate", None),
    ("rotation_6d", None),
    ("rotation_9d", None),
    ("rotation_10d", None),
    ("axis_angle", None),
]


@pytest.fixture
def regressor(poses, camera):
    torch.manual_seed(0)
    return PoseRegressor(poses, camera, **SMALL).eval()


@pytest.mark.parametrize(("parameterization", "convention"), PARAMETERIZATIONS)
def test_untrained_it_says_the_nominal_pose_and_has_gradients(poses, camera, parameterization, convention):
    torch.manual_seed(1)
    net = PoseRegressor(poses, camera, parameterization=parameterization, convention=convention, **SMALL)
    found = net(torch.randn(2, 1, *camera.shape))
    assert camera_errors(found, poses.nominal).abs().max() < 1, "degrees and mm"
    rotation = found[:, :3, :3]
    torch.testing.assert_close(rotation @ rotation.mT, torch.eye(3).double().expand(2, 3, 3), atol=1e-5, rtol=0)
    found.sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())
    assert net.rotation_head.weight.grad.any() and net.translation_head.weight.grad.any()


@pytest.mark.parametrize(("parameterization", "convention"), PARAMETERIZATIONS)
def test_mixed_precision_leaves_the_pose_exact(poses, camera, parameterization, convention):
    """It is still a rigid motion, and that of the heads' numbers."""
    torch.manual_seed(1)
    net = PoseRegressor(poses, camera, parameterization=parameterization, convention=convention, **SMALL).eval()
    with torch.no_grad():
        for head in (net.rotation_head, net.translation_head):
            head.weight.zero_()  # so that the network's own precision does not count
            head.bias.copy_(torch.linspace(-0.5, 0.5, len(head.bias)).bfloat16())
        image = torch.randn(1, 1, *camera.shape)
        exact = net(image)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert net.neck(net.backbone(image)).dtype == torch.bfloat16
            mixed = net(image)
    torch.testing.assert_close(mixed, exact, atol=1e-3, rtol=0)


def test_the_heads_move_what_they_are_said_to(regressor, poses):
    """Euler angles YXZ in camera axes are primary, secondary and roll; the translation is along the camera's axes."""
    with torch.no_grad():
        for head in (regressor.rotation_head, regressor.translation_head):
            head.weight.zero_()
        regressor.translation_head.bias.copy_(torch.tensor([0.2, -0.1, 0.25]))
    offsets = poses.parameters(regressor(torch.zeros(1, 1, *regressor.camera.shape)))[0]
    expected = [0, 0, 0, 0.2 * poses.shift, -0.1 * poses.shift, -0.25 * poses.depth]
    torch.testing.assert_close(offsets, torch.tensor(expected, dtype=torch.float64), atol=1e-3, rtol=0)


def test_an_xray_is_resampled_by_its_intrinsics(example, regressor, poses):
    """The same pose seen by two cameras is nearly the same input; the header's pose changes nothing."""
    pose = poses.sample(1, 5)[0]
    cameras = [Camera(1020.0, (1.0, 1.0), (310, 310)), Camera(990.0, (1.3, 1.1), (300, 330), (150.0, 140.0))]
    cameras.append(cameras[0].flip())
    inputs = []
    for n, camera in enumerate(cameras):
        pixels = Renderer(example, camera, voxel=2.5)(pose)[0, 0]
        xray = XRay(pixels, camera, carm_pose(10 * n, 0, 700), notes=[], relationship="LOG")
        xray = replace(xray, pixels=xray.pixels if torch.equal(xray.attenuation(), xray.pixels) else -xray.pixels)
        inputs.append(regressor.prepare(xray))
    for other in inputs[1:]:
        both = (inputs[0] != 0) & (other != 0)
        assert both.float().mean() > 0.6
        assert torch.corrcoef(torch.stack([inputs[0][both], other[both]]))[0, 1] > 0.98


def test_patches_can_be_drawn_where_it_looks(example, regressor, poses):
    """More where there are edges; and, turned over, the same turned over, for an X-ray's place is not forgotten."""
    camera = Camera(1020.0, (2.0, 2.4), (150, 130))
    picture = Renderer(example, camera, voxel=2.5)(poses.nominal)[0, 0]
    score = regressor.score(camera)(picture)
    assert score.shape == camera.shape and (score >= 0).all() and score.max() > 1.2 * score[score > 0].min()
    mask = regions.sample(torch.ones(camera.shape, dtype=torch.bool), 13, 4, 20, score, seed=0)
    assert 0 < mask.float().mean() < 0.5
    other = regressor.score(camera.flip())(picture.flip(-1))
    torch.testing.assert_close(other.flip(-1), score, atol=1e-3, rtol=1e-3)


def test_it_can_be_saved_and_loaded(regressor, tmp_path):
    image = torch.randn(1, 1, *regressor.camera.shape)
    for half, tolerance in ((False, 0), (True, 0.5)):
        path = tmp_path / "deep" / f"{half}.pt"
        regressor.save(path, half=half)
        again = PoseRegressor.load(path)
        assert again.described() == regressor.described() and not again.training
        torch.testing.assert_close(again(image), regressor(image), atol=tolerance, rtol=0)
    assert (tmp_path / "deep/True.pt").stat().st_size < 0.6 * (tmp_path / "deep/False.pt").stat().st_size
    assert len(list((tmp_path / "deep").iterdir())) == 2, "nothing half-written is left"


def test_what_is_no_checkpoint_is_refused(regressor, tmp_path):
    whole = tmp_path / "whole.pt"
    regressor.save(whole)
    content = whole.read_bytes()
    files = {
        "cut.pt": (content[: len(content) // 2], "cut short or is something else"),
        "text.pt": (b"not a checkpoint", "cut short or is something else"),
        "empty.pt": (b"", "cut short or is something else"),
    }
    for name, (data, message) in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name}.*{message}"):
            PoseRegressor.load(tmp_path / name)
    with pytest.raises(ValueError, match="no such file"):
        PoseRegressor.load(tmp_path / "none.pt")
    torch.save({"state_dict": {}}, tmp_path / "foreign.pt")
    with pytest.raises(ValueError, match="no format"):
        PoseRegressor.load(tmp_path / "foreign.pt")
    torch.save(torch.load(whole) | {"weights": {}}, tmp_path / "torn.pt")
    with pytest.raises(ValueError, match="do not fit together"):
        PoseRegressor.load(tmp_path / "torn.pt")


class _Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_code_in_a_checkpoint_is_not_run(tmp_path, capsys):
    torch.save({"format": _Evil()}, tmp_path / "evil.pt")
    with pytest.raises(ValueError, match="something else"):
        PoseRegressor.load(tmp_path / "evil.pt")
    assert "executed" not in capsys.readouterr().out


def test_xrays_that_show_nothing_are_refused(regressor):
    camera = Camera(1020.0, (1.0, 1.0), (64, 64))
    pixels = torch.rand(64, 64, generator=torch.Generator().manual_seed(0)) + 1
    broken = pixels.clone()
    broken[3, 3] = torch.nan
    for image, wrong, message in [
        (broken, camera, "NaN"),
        (torch.ones(64, 64), camera, "every pixel of the X-ray is 1"),
        (pixels, Camera(1020.0, (0.1, 0.1), (64, 64)), "is its pixel spacing right"),
    ]:
        with pytest.raises(ValueError, match=message):
            regressor.predict(XRay(image, wrong, carm_pose(0, 0, 700), notes=[]))


def test_unknown_parameters_are_refused(poses, camera):
    for name in ("matrix", "polar"):
        with pytest.raises(ValueError, match="parameterization is"):
            PoseRegressor(poses, camera, parameterization=name)


def test_training_is_where_a_checkpoint_comes_from():
    assert "PoseRegressor" in fit.__doc__
