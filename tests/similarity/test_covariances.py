"""Covariances of patches from compiled sums: those of the formula."""

import pytest
import torch

from diffpose_nb.similarity import NormalEquations
from diffpose_nb.similarity.covariances import patch_covariances


@pytest.mark.parametrize("channels", [2, 8])
@pytest.mark.parametrize("weighed", [False, True])
def test_compiled_sums_are_the_pooled_ones(channels, weighed):
    """Of some patches of an image that lies far from zero; for autograd they are pooled instead."""
    generator = torch.Generator().manual_seed(0)
    stack = 1e3 + torch.randn(channels, 31, 44, generator=generator, dtype=torch.float64)
    worth = torch.rand(31, 44, generator=generator).double() if weighed else None
    where = torch.tensor([0, 3, 4, 40, 59, 71, 77, 95])  # 8 rows of 12 patches; two rows are left out
    found = patch_covariances(stack, worth, 9, 3, where)
    torch.testing.assert_close(found, patch_covariances(stack.clone().requires_grad_(), worth, 9, 3, where))
    patch = stack[:, 9 : 9 + 9, 12 : 12 + 9].flatten(1)  # the fifth, which is number 40
    if not weighed:
        torch.testing.assert_close(found[3], torch.cov(patch, correction=0))


def test_the_gain_of_a_step_is_what_a_parabola_loses():
    root = torch.randn(6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    hessian, lowest = root @ root.mT, torch.arange(6.0).double()
    at_zero = NormalEquations(lowest @ hessian @ lowest / 2, -hessian @ lowest, hessian)
    assert at_zero.gain(lowest) == pytest.approx(at_zero.cost.item())
    assert at_zero.gain(2 * lowest) == pytest.approx(0, abs=1e-9)
