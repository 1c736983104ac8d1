import numpy as np
import pytest

from diffpose_nb.simulate.siddon import areal_densities

# Sheared, mirrored and anisotropic.
OBLIQUE = np.array([[2.0, 0.3, 0.1, -17.0], [0.2, -2.5, 0.4, 21.0], [0.0, 0.5, 3.1, -24.0], [0, 0, 0, 1]])


def lengths(volume, affine, source, targets):
    """Rays one at a time to any targets: the kernel's own grid is not needed to say where they go."""
    table = np.stack([np.arange(volume.max() + 1), np.ones(volume.max() + 1)], 1).astype(np.float32)
    still = np.zeros((2, 3))
    rays = [areal_densities(volume, table, affine, source, target, still, (1, 1))[:, 0, 0] for target in targets]
    return 10 * np.array(rays)  # mm times the voxel's value, mm


@pytest.mark.parametrize("affine", [OBLIQUE, np.diag([2.0, 2.5, 3.0, 1.0])], ids=["oblique", "axis-aligned"])
def test_length_in_a_box_is_the_slab_formula(affine):
    shape = (9, 11, 8)
    rng = np.random.default_rng(3)
    centre = (affine @ [4.0, 5.0, 3.5, 1.0])[:3]
    source = centre + np.array([20.0, -300.0, 35.0])
    targets = centre + rng.uniform([-40, 200, -40], [40, 300, 40], (200, 3))
    inverse = np.linalg.inv(affine)
    start, end = (p @ inverse[:3, :3].T + inverse[:3, 3] + 0.5 for p in (source, targets))
    with np.errstate(divide="ignore"):
        a, b = -start / (end - start), (np.array(shape) - start) / (end - start)
    first, last = np.minimum(a, b).max(1).clip(0), np.maximum(a, b).min(1).clip(max=1)
    expected = (last - first).clip(0) * np.linalg.norm(targets - source, axis=1)
    assert 40 < (expected == 0).sum() < 190  # some hit, some miss

    found = lengths(np.ones(shape, np.int16), affine, source, targets)
    np.testing.assert_allclose(found[:, 1], expected, rtol=1e-5, atol=1e-4)


def test_every_voxel_counts_by_the_length_in_it():
    rng = np.random.default_rng(5)
    volume = rng.integers(0, 1000, (9, 11, 8)).astype(np.int16)
    centre = (OBLIQUE @ [4.0, 5.0, 3.5, 1.0])[:3]
    directions = rng.normal(size=(40, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    inverse = np.linalg.inv(OBLIQUE)
    for direction in directions:  # from all sides, by brute force
        source, target = centre - 100 * direction + rng.uniform(-5, 5, 3), centre + 90 * direction
        a = (np.arange(50_000) + 0.5) / 50_000
        points = source + a[:, None] * (target - source)
        voxels = np.rint(points @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
        inside = ((voxels >= 0) & (voxels < volume.shape)).all(1)
        length = np.linalg.norm(target - source)
        expected = volume[tuple(voxels[inside].T)].sum() / len(a) * length
        assert expected > 0
        assert lengths(volume, OBLIQUE, source, [target])[0, 0] == pytest.approx(expected, rel=2e-3)


def test_rays_along_the_axes_and_along_faces():
    volume = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    affine = np.eye(4)
    for axis in range(3):
        for direction in (1.0, -1.0):
            voxel = np.array([1.0, 2.0, 1.0])
            reach = 50.0 * direction * np.eye(3)[axis]
            found = lengths(volume, affine, voxel - reach, [voxel + reach])[0, 0]
            index = [1, 2, 1]
            index[axis] = slice(None)
            assert found == pytest.approx(volume[tuple(index)].sum())
    along_face = lengths(volume, affine, np.array([0.5, -9.0, 1.0]), [np.array([0.5, 9.0, 1.0])])[0]
    assert along_face[1] == pytest.approx(3.0)  # in one of the two voxels, not in both or none
    outside = lengths(volume, affine, np.array([1.6, -9.0, 1.0]), [np.array([1.6, 9.0, 1.0])])[0]
    assert outside[1] == 0


@pytest.mark.parametrize("aside", [0.0, 1e-12, -1e-12, 1e-15, -1e-15, 1e-18, -1e-18])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rays_all_but_inside_a_face_cross_one_side_or_the_other(axis, aside):
    """The tilt is lost in rounding where the ray enters: it must not be counted from the source on."""
    volume = np.zeros((4, 4, 4), np.int16)
    volume[(slice(None),) * axis + (slice(0, 2),)] = 1
    affine = np.eye(4)
    affine[:3, 3] = -1.5  # faces at whole numbers, the one between 1 and 0 at 0
    along = (axis + 1) % 3
    source = np.full(3, 0.3)
    source[axis], source[along] = 0.0, -700.0
    target = source + 1020.0 * np.eye(3)[along] + aside * np.eye(3)[axis]
    assert lengths(volume, affine, source, [target])[0, 0] in (pytest.approx(0, abs=1e-6), pytest.approx(4))


@pytest.mark.parametrize("direction", [[4.0, 3.0, 0.0], [0.0, -4.0, 3.0], [3.0, 0.0, 4.0], [0.3, 0.4, -5.0]])
def test_rays_that_start_or_end_inside_count_what_they_cross(direction):
    volume = np.ones((12, 12, 12), np.int16)
    start, run = np.array([5.6, 5.7, 5.4]), np.array(direction)
    assert lengths(volume, np.eye(4), start, [start + run])[0, 1] == pytest.approx(np.linalg.norm(run))
    far = lengths(volume, np.eye(4), start, [start + 20 * run])[0, 1]
    edge = np.where(run > 0, 11.5, -0.5)
    expected = np.linalg.norm(run) * min((edge - start)[run != 0] / run[run != 0])
    assert far == pytest.approx(expected)
    assert lengths(volume, np.eye(4), start + 20 * run, [start])[0, 1] == pytest.approx(expected)
