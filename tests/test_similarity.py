import pytest
import torch
from diffdrr.metrics import NormalizedCrossCorrelation2d

from diffpose_nb import similarity

ROWS, COLUMNS = 30, 26


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(1)
    smooth = torch.nn.functional.interpolate(
        torch.rand(1, 8, 6, 5, generator=generator, dtype=torch.float64), (ROWS, COLUMNS), mode="bicubic"
    )[0]
    return smooth[0], smooth[1:7], 0.6 * smooth[0] + 0.4 * smooth[7]


def test_brightness_and_contrast_do_not_matter(images):
    image, _, target = images
    assert similarity.local_ncc(image, 3 * image - 7, patch=5).item() == pytest.approx(1)
    assert similarity.local_ncc(image, -image, patch=5).item() == pytest.approx(-1)
    for patch in (None, 9):
        plain = similarity.local_ncc(image, target, patch)
        torch.testing.assert_close(similarity.local_ncc(2 * image + 1, 0.1 * target - 3, patch), plain)


def test_global_ncc_is_diffdrr_s(images):
    image, _, target = images
    theirs = NormalizedCrossCorrelation2d(eps=0)(image[None, None], target[None, None])
    torch.testing.assert_close(similarity.local_ncc(image, target), theirs[0])


def test_patches_are_compared_each_by_itself(images):
    image, _, target = images
    expected = [
        torch.corrcoef(torch.stack([image[r : r + 7, c : c + 7].ravel(), target[r : r + 7, c : c + 7].ravel()]))[0, 1]
        for r in range(0, ROWS - 6, 4)
        for c in range(0, COLUMNS - 6, 4)
    ]
    found = similarity.local_ncc(image, target, patch=7, stride=4)
    torch.testing.assert_close(found, torch.stack(expected).mean())


def test_weights_favour_contrast(images):
    """A flat patch that disagrees costs less than a lively one."""
    image, _, target = images
    target = target.clone()
    target[:10] = -1e-3 * image[:10]  # faint and inverted
    uniform, by_deviation = (
        similarity.local_ncc(image, target, 5, 5, weighting=weighting) for weighting in ("uniform", "deviation")
    )
    assert by_deviation > uniform + 0.1


@pytest.mark.parametrize("patch", [None, 7])
def test_masked_pixels_do_not_count(images, patch):
    image, _, target = images
    valid = torch.ones(ROWS, COLUMNS, dtype=torch.bool)
    valid[:9, :9] = False
    spoiled = target.clone()
    spoiled[:9, :9] = 100
    clean = similarity.local_ncc(image, target, patch, 1, valid)
    torch.testing.assert_close(similarity.local_ncc(image, spoiled, patch, 1, valid), clean)
    assert (similarity.local_ncc(image, spoiled, patch) - clean).abs() > 0.01


def test_a_mask_that_leaves_nothing_is_refused(images):
    image, _, target = images
    nothing = torch.zeros(ROWS, COLUMNS, dtype=torch.bool)
    for patch in (None, 5):
        with pytest.raises(ValueError, match="valid"):
            similarity.local_ncc(image, target, patch, valid=nothing)


def test_a_patch_larger_than_the_image_is_refused(images):
    image, _, target = images
    with pytest.raises(ValueError, match=r"27 x 27 pixels fits into an image of \(30, 26\)"):
        similarity.local_ncc(image, target, patch=27)


def test_air_is_uncorrelated_not_undefined(images):
    _, jacobian, target = images
    equations = similarity.ncc_normal_equations(torch.zeros(ROWS, COLUMNS), 0 * jacobian, target, 7, 3)
    assert equations.cost.item() == pytest.approx(1)
    assert torch.isfinite(equations.hessian).all()


CASES = {
    "global": lambda image, jacobian, target, valid: similarity.ncc_normal_equations(
        image, jacobian, target, valid=valid
    ),
    "local": lambda image, jacobian, target, valid: similarity.ncc_normal_equations(
        image, jacobian, target, 7, 3, valid, "deviation"
    ),
    "gradient": similarity.gradient_ncc_normal_equations,
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_is_that_of_the_cost(images, name, masked):
    """Against autograd, through an image that is linear in six parameters."""
    image, jacobian, target = images
    valid = torch.ones(ROWS, COLUMNS, dtype=torch.bool)
    valid[20:, 18:] = not masked

    def cost(theta):
        return CASES[name](image + torch.einsum("d,dij->ij", theta, jacobian), jacobian, target, valid)

    theta = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(cost(theta).cost, theta)
    torch.testing.assert_close(cost(theta.detach()).gradient, expected)
    assert expected.norm() > 1e-3


@pytest.mark.parametrize("name", CASES)
def test_the_matrix_is_gauss_newton_s(images, name):
    """At a perfect match Gauss-Newton's matrix is the exact Hessian."""
    image, jacobian, _ = images
    valid = torch.ones(ROWS, COLUMNS, dtype=torch.bool)

    def cost(theta):
        return CASES[name](image + torch.einsum("d,dij->ij", theta, jacobian), jacobian, image, valid).cost

    exact = torch.autograd.functional.hessian(cost, torch.zeros(6, dtype=torch.float64))
    torch.testing.assert_close(CASES[name](image, jacobian, image, valid).hessian, exact, atol=1e-6, rtol=1e-4)
