import pytest
import torch
from diffdrr.metrics import (
    GradientNormalizedCrossCorrelation2d,
    MultiscaleNormalizedCrossCorrelation2d,
    MutualInformation,
    NormalizedCrossCorrelation2d,
    Sobel,
)

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


LOSSES = {
    "NCC": lambda image, target, valid=None: similarity.patch_ncc(image, target, valid=valid).mean(-1),
    "local NCC": lambda image, target, valid=None: similarity.patch_ncc(image, target, 7, valid=valid).mean(-1),
    "multiscale NCC": lambda image, target, valid=None: similarity.multiscale_ncc(
        image, target, (None, 7), (0.3, 0.7), valid=valid
    ),
    "gradient NCC": lambda image, target, valid=None: similarity.gradient_ncc(image, target, valid=valid),
    "mutual information": lambda image, target, valid=None: similarity.mutual_information(image, target, valid=valid),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture
def batch(images):
    """Three images and a target."""
    image, jacobian, target = images
    return torch.stack([image, target, image + jacobian[0]]), target


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("NCC", NormalizedCrossCorrelation2d()),
        ("local NCC", NormalizedCrossCorrelation2d(7)),
        ("multiscale NCC", MultiscaleNormalizedCrossCorrelation2d([None, 7], [0.3, 0.7])),
    ],
)
def test_losses_are_diffdrr_s(batch, name, theirs):
    image, target = batch
    expected = theirs(image[:, None], target.expand_as(image)[:, None])
    torch.testing.assert_close(LOSSES[name](image, target), expected, rtol=1e-6, atol=1e-7)


def test_gradient_ncc_is_diffdrr_s_but_for_the_border(batch):
    """On what is left of DiffDRR's own edges when the border is cut off; and with it, it would say something else."""
    image, target = (values.float() for values in batch)
    x, y = (Sobel(1.0)(values.reshape(-1, 1, ROWS, COLUMNS))[..., 4:-4, 4:-4] for values in (image, target))
    found = similarity.gradient_ncc(image, target)
    expected = NormalizedCrossCorrelation2d()(x, y.expand_as(x))
    torch.testing.assert_close(found.float(), expected, rtol=1e-4, atol=1e-5)
    with_border = GradientNormalizedCrossCorrelation2d()(image[:, None], target.expand_as(image)[:, None])
    assert (with_border - found)[0] > 0.1


def test_mutual_information_is_diffdrr_s(batch):
    image, target = (values.float() for values in batch)

    def to_range(values):
        low, high = values.amin((-2, -1), keepdim=True), values.amax((-2, -1), keepdim=True)
        return (values - low) / (high - low)

    expected = MutualInformation(0.05, 40)(to_range(image)[:, None], to_range(target).expand_as(image)[:, None])
    found = similarity.mutual_information(image, target, 40, 0.05)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_mutual_information_forgives_an_inverted_image(batch):
    image, target = batch
    same, inverted = (similarity.mutual_information(image[1], other) for other in (target, -target))
    torch.testing.assert_close(same, inverted, rtol=1e-3, atol=1e-4)
    assert similarity.mutual_information(image[0], target) < same - 0.1


@every_loss
def test_a_batch_is_its_images_one_by_one(batch, name):
    image, target = batch
    together = LOSSES[name](image, target)
    assert together.shape == (3,)
    for one, expected in zip(image, together, strict=True):
        torch.testing.assert_close(LOSSES[name](one, target), expected)
    assert together[1] == together.max()  # the target itself


@every_loss
def test_invalid_pixels_do_not_count(batch, name):
    image, target = batch
    valid = torch.ones(ROWS, COLUMNS, dtype=torch.bool)
    valid[:4, :4] = False
    spoiled = target.where(valid, torch.tensor(9.0))
    clean = LOSSES[name](image, target, valid)
    torch.testing.assert_close(LOSSES[name](image, spoiled, valid), clean)
    assert (LOSSES[name](image, spoiled) - clean).abs().max() > 0.01


@every_loss
def test_the_loss_has_a_gradient(batch, name):
    """Autograd against a difference, along the way to another image."""
    image, target = batch
    way = image[2] - image[0]
    at = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(LOSSES[name](image[0] + at * way, target), at)
    h = 0.02
    ahead, behind = (LOSSES[name](image[0] + (0.2 + sign * h) * way, target) for sign in (1, -1))
    assert slope.item() == pytest.approx(((ahead - behind) / (2 * h)).item(), rel=0.05)
    assert slope.abs() > 1e-3


def test_air_has_an_ncc_of_zero(batch):
    _, target = batch
    assert similarity.patch_ncc(torch.zeros_like(target), target, 7).abs().max() < 1e-6


def test_a_patch_that_does_not_fit_is_refused(batch):
    image, target = batch
    nothing = torch.zeros(ROWS, COLUMNS, dtype=torch.bool)
    with pytest.raises(ValueError, match=r"27 x 27 pixels fits into an image of \(30, 26\)"):
        similarity.patch_ncc(image, target, 27)
    with pytest.raises(ValueError, match="no patch of 5 x 5 pixels lies within the valid part"):
        similarity.patch_ncc(image, target, 5, valid=nothing)
    with pytest.raises(ValueError, match="no pixel lies within the valid part"):
        similarity.patch_ncc(image, target, valid=nothing)


SIZES = (5, 9)


def _sparse(image, target, number, valid=None, seed=0):
    patches = similarity.sample_patches((ROWS, COLUMNS), SIZES, number, valid, seed)
    column, row = patches.pixels.unbind(-1)
    return similarity.sparse_ncc(image[..., row, column], target, patches)


def test_each_patch_is_compared_as_the_dense_loss_compares_it(batch):
    image, target = batch
    patches = similarity.sample_patches((ROWS, COLUMNS), SIZES, 6)
    column, row = patches.pixels.unbind(-1)
    for size, members, weights in zip(SIZES, patches.members, ((1, 0), (0, 1)), strict=True):
        assert members.shape == (6, size**2)
        corners = patches.pixels[members[:, 0]]  # upper left
        dense = similarity.patch_ncc(image, target, size).unflatten(1, (ROWS - size + 1, -1))
        expected = dense[:, corners[:, 1], corners[:, 0]].mean(-1)
        found = similarity.sparse_ncc(image[..., row, column], target, patches, weights)
        torch.testing.assert_close(found, expected)


def test_no_ray_is_rendered_twice_and_none_behind_the_collimator():
    valid = torch.ones(ROWS, COLUMNS, dtype=torch.bool)
    valid[:, 15:] = False
    pixels = similarity.sample_patches((ROWS, COLUMNS), SIZES, 200, valid).pixels
    assert len(pixels) == len(pixels.unique(dim=0))
    assert (pixels[:, 0].min(), pixels[:, 0].max(), pixels[:, 1].max()) == (0, 14, ROWS - 1)  # (column, row)


@pytest.mark.parametrize("masked", [False, True])
def test_sparse_is_dense_in_expectation(batch, masked):
    """Within four standard errors of the mean of many draws, and those errors are small."""
    image, target = batch
    valid = torch.ones(ROWS, COLUMNS, dtype=torch.bool)
    valid[:10, :12] = not masked
    dense = similarity.multiscale_ncc(image[0], target, SIZES, valid=valid)
    draws = torch.stack([_sparse(image[0], target, 4, valid, seed) for seed in range(150)])
    error = draws.std() / 150**0.5
    assert abs(draws.mean() - dense) < 4 * error
    assert error < 0.01


def test_four_times_the_patches_half_the_spread(batch):
    image, target = batch
    few, many = (torch.stack([_sparse(image[0], target, n, None, seed) for seed in range(150)]) for n in (4, 16))
    assert (few.std() / many.std()).item() == pytest.approx(2, rel=0.25)
