"""How much each pixel counts, and a background that is unknown but smooth."""

import torch

from diffpose_nb.similarity import ncc_normal_equations, patch_equations


def _images(seed=0, size=40):
    generator = torch.Generator().manual_seed(seed)
    image, other = (torch.randn(size, size, generator=generator).double() for _ in range(2))
    return image, torch.randn(6, size, size, generator=generator).double(), 0.6 * image + 0.8 * other


def test_a_worth_of_one_changes_nothing():
    image, jacobian, target = _images()
    ones = torch.ones_like(image)
    for patch in (None, 9):
        plain = ncc_normal_equations(image, jacobian, target, patch, 3)
        weighed = ncc_normal_equations(image, jacobian, target, patch, 3, worth=ones)
        for name in ("cost", "gradient", "hessian"):
            torch.testing.assert_close(getattr(plain, name), getattr(weighed, name))


def test_what_is_worth_nothing_may_be_anything():
    image, jacobian, target = _images()
    worth = torch.ones_like(image)
    worth[:20] = 0
    spoilt = target.clone()
    spoilt[:20] = 1e3 * torch.rand(20, 40).double()
    for patch in (None, 9):
        first, second = (ncc_normal_equations(image, jacobian, t, patch, 3, worth=worth) for t in (target, spoilt))
        torch.testing.assert_close(first.cost, second.cost)
        torch.testing.assert_close(first.hessian, second.hessian)


def test_patches_add_up_and_know_where_they_are():
    image, jacobian, target = _images()
    found = patch_equations(image, jacobian, target, 9, 4)
    whole = ncc_normal_equations(image, jacobian, target, 9, 4)
    torch.testing.assert_close(found.mean().cost, whole.cost)
    torch.testing.assert_close(found.weight.sum(), torch.tensor(1.0).double())
    across = (40 - 9) // 4 + 1
    number = 2 * across + 3
    row, column = 8, 12
    patch = slice(row, row + 9), slice(column, column + 9)
    expected = 1 - torch.corrcoef(torch.stack([image[patch].flatten(), target[patch].flatten()]))[0, 1]
    torch.testing.assert_close(found.cost[found.where == number][0], expected)


def test_a_slanted_background_is_no_difference():
    image, jacobian, _ = _images()
    row, column = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    target = image + 3.0 * row - 2.0 * column + 5
    assert patch_equations(image, jacobian, target, 9, 3).cost.mean() > 0.3
    slanted = patch_equations(image, jacobian, target, 9, 3, slanted=True)
    assert slanted.cost.max() < 1e-3


def test_derivatives_beside_a_slanted_background():
    """The gradient of the cost against differences, with patches that are weighed and planes that are taken out."""
    image, jacobian, target = _images()
    worth = torch.rand(40, 40, generator=torch.Generator().manual_seed(1)).double()
    found = patch_equations(image, jacobian, target, 9, 5, worth=worth, slanted=True)
    for n in range(6):
        costs = [
            patch_equations(image + s * 1e-5 * jacobian[n], jacobian, target, 9, 5, worth=worth, slanted=True).cost
            for s in (1, -1)
        ]
        torch.testing.assert_close(found.gradient[:, n], (costs[0] - costs[1]) / 2e-5, rtol=1e-3, atol=1e-5)
