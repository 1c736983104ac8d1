"""One bone from CT, two real X-rays that show a whole hand."""

import pytest
import torch
from real_wrist import needs_wrist, radius, silver, xray

from diffpose_nb.camera import invert, rigid_motion, transform_points
from diffpose_nb.register import Prior, Strategy, refine

pytestmark = needs_wrist


@pytest.fixture(scope="module")
def bone():
    return radius()


@pytest.fixture(scope="module")
def corners(bone):
    shape, affine = bone["volume"].spatial_shape, torch.from_numpy(bone["volume"].affine)
    return transform_points(affine, torch.cartesian_prod(*(torch.tensor([-0.5, n - 0.5]).double() for n in shape)))


def _errors(found, xray, corners):
    """Mean distance from the silver standard over the corners, and its parts across the beam and along it."""
    pose = found.world_from_camera if found.world_from_camera.ndim == 2 else found.world_from_camera[0]
    fluoroscope_from_bone = xray.world_from_camera @ invert(pose)
    apart = transform_points(fluoroscope_from_bone, corners) - transform_points(silver(), corners)
    apart = apart @ xray.world_from_camera[:3, :3]
    return (value.mean().item() for value in (apart.norm(dim=1), apart[:, :2].norm(dim=1), apart[:, 2].abs()))


@pytest.mark.parametrize(
    ("turn", "shift"), [([5, -3, 4], [6, -8, 5]), ([-4, 5, 4], [-9, 7, -9])], ids=["nearer", "farther"]
)
def test_two_views_find_the_bone(bone, corners, turn, shift):
    views = [xray(1), xray(2)]
    motion = rigid_motion(turn, shift) @ invert(silver())
    start = torch.stack([motion @ view.world_from_camera for view in views])
    found = refine(bone, views, start, progress=False)
    whole, _, _ = _errors(found, views[0], corners)
    assert whole < 0.7
    assert found.judgement == "found", found.reasons


def test_the_label_map_says_the_same(bone, corners):
    from diffpose_nb.register import Comparison

    views = [xray(1), xray(2)]
    motion = rigid_motion([2, -2, 2], [4, -4, 3]) @ invert(silver())
    start = torch.stack([motion @ view.world_from_camera for view in views])
    found = refine(bone, views, start, compare=Comparison(structures=["radius"]), progress=False)
    assert next(_errors(found, views[0], corners)) < 0.7


def test_one_view_stays_where_it_cannot_see(bone, corners):
    view = xray(1)
    start = rigid_motion([3, 2, -3], [4, 5, -4]) @ invert(silver()) @ view.world_from_camera
    search = Strategy(prior=Prior(8.0, (10.0, 10.0, 10.0)), restarts=0)
    found = refine(bone, view, start, search=search, progress=False)
    _, across, along = _errors(found, view, corners)
    assert across < 1
    assert along < 12
    assert found.judgement == "doubtful", "one view of a small bone does not know its depth"
    assert any("the beam" in reason for reason in found.reasons)
