import numpy as np
import pytest
import torch

from diffpose_nb import ct
from diffpose_nb.simulate.physics import (
    CORTICAL_BONE,
    SOFT_TISSUE,
    WATER,
    make_beam,
    mass_attenuation,
    tissue_densities,
    tube_spectrum,
    water_densities,
)


def test_attenuation_coefficients_are_nist_s():
    # NIST X-ray mass attenuation coefficients, table 4, at 30 and 60 keV, cm²/g
    np.testing.assert_allclose(mass_attenuation(WATER, [30, 60]), [0.3756, 0.2059], rtol=0.01)
    np.testing.assert_allclose(mass_attenuation(CORTICAL_BONE, [30, 60]), [1.331, 0.3148], rtol=0.01)


def test_tissue_attenuates_like_the_hounsfield_units_it_came_from():
    hounsfield = np.array([-1000, -700, -98, 0, 40, 100, 300, 700, 1000])
    mu = tissue_densities(hounsfield) @ np.stack([mass_attenuation(t, [70.0])[0] for t in (SOFT_TISSUE, CORTICAL_BONE)])
    np.testing.assert_allclose(1000 * (mu / mass_attenuation(WATER, [70.0]) - 1), hounsfield, atol=35)
    assert (tissue_densities(np.arange(-2000.0, 4000.0)) >= 0).all()
    assert (np.diff(tissue_densities(np.arange(-1000.0, 4000.0)).sum(1)) > 0).all()
    np.testing.assert_allclose(tissue_densities(np.array([-2048.0])), 0)


def test_scintillator_weighs_the_spectrum():
    thin, thick, ideal = (make_beam(80.0, 3.0, 60.0, mm) for mm in (0.1, 0.6, None))
    assert thin.efficiency < thick.efficiency < ideal.efficiency == 1
    assert thin.weights @ thin.energies < ideal.weights @ ideal.energies  # thin layers miss the hard photons
    for beam in (thin, thick, ideal):
        assert beam.weights.sum() == pytest.approx(1)
        assert (beam.weights / beam.quantum).sum() == pytest.approx(1)  # the mean detected photon gives 1


def test_without_tissues_attenuation_is_the_renderer_s():
    hounsfield = np.array([-3024.0, -1000.0, -500.0, 0.0, 40.0, 3000.0])
    beam = make_beam(None, 0.0, 70.0, None, tissues=False)
    mu = water_densities(hounsfield) @ np.array([beam.soft[0], beam.bone[0]]) / 10  # 1/mm
    np.testing.assert_allclose(mu, ct.linear_attenuation(torch.from_numpy(hounsfield)), rtol=1e-3)


def test_a_tube_s_spectrum_ends_at_its_voltage():
    energies, photons = tube_spectrum(80.0, 3.0)
    assert 79 < energies[photons > 0].max() <= 80
    assert 55 < energies[photons.argmax()] < 62  # tungsten's K lines
    _, hard = tube_spectrum(80.0, 10.0)
    assert energies @ hard / hard.sum() > energies @ photons / photons.sum() + 2
