import pytest
import torch

from diffpose_nb import ct
from diffpose_nb.camera import Camera
from diffpose_nb.frames import carm_pose
from diffpose_nb.similarity import regions

VALID = torch.ones(40, 50, dtype=torch.bool)


def test_the_spine_is_seen_where_it_projects(example):
    camera = Camera(1020, (4.0, 4.0), (80, 80))
    pose = carm_pose(0, 0, 700)
    landmarks = ct.landmarks(example).set_index("name")
    seen = regions.shadow(example, camera, pose, ["vertebrae_T8"])
    column, row = camera.project(torch.tensor(landmarks.loc[["vertebrae_T8"], ["x", "y", "z"]].to_numpy()), pose)[0]
    assert seen[round(row.item()), round(column.item())]
    assert 0 < seen.float().mean() < 0.1, "one vertebra, not the chest"
    wider = regions.shadow(example, camera, pose, ["vertebrae_T8"], margin=3)
    assert (wider | ~seen).all() and wider.sum() > seen.sum()


def test_patches_are_drawn_within_what_is_valid():
    valid = VALID.clone()
    valid[:, :20] = False
    mask = regions.sample(valid, 5, 1, 12)
    assert mask.any() and not (mask & ~valid).any()
    assert mask.sum() <= 12 * 25


def test_as_many_patches_as_there_are_take_everything():
    assert regions.sample(VALID, 5, 5, 1000).equal(VALID)


def test_weights_draw():
    weights = torch.zeros(VALID.shape)
    weights[20, 30] = 1
    mask = regions.sample(VALID, 5, 1, 3, weights)
    rows, columns = mask.nonzero().unbind(1)
    assert mask[20, 30]
    assert rows.min() >= 16 and rows.max() <= 24 and columns.min() >= 26 and columns.max() <= 34


def test_the_same_seed_draws_the_same():
    assert regions.sample(VALID, 5, 1, 4, seed=1).equal(regions.sample(VALID, 5, 1, 4, seed=1))
    assert not regions.sample(VALID, 5, 1, 4, seed=1).equal(regions.sample(VALID, 5, 1, 4, seed=2))


@pytest.mark.parametrize("weights", [torch.full((40, 50), -1.0), torch.ones(3, 3), torch.full((40, 50), torch.nan)])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match="0 or more"):
        regions.sample(VALID, 5, 1, 4, weights)


def test_nothing_valid_is_said():
    with pytest.raises(ValueError, match="no patch"):
        regions.sample(~VALID, 5, 1, 4)
