"""The physics of an X-ray, for :mod:`diffpose_nb.simulate`: tissues, the tube's spectrum, the scintillator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

SOFT_TISSUE = {
    "H": 0.102, "C": 0.143, "N": 0.034, "O": 0.708, "Na": 0.002, "P": 0.003, "S": 0.003, "Cl": 0.002, "K": 0.003,
}  # fmt: skip
"""Mass fractions of the elements in soft tissue (ICRU Report 44; NIST X-ray mass attenuation coefficients, table 2)."""
CORTICAL_BONE = {
    "H": 0.034, "C": 0.155, "N": 0.042, "O": 0.435, "Na": 0.001, "Mg": 0.002, "P": 0.103, "S": 0.003, "Ca": 0.225,
}  # fmt: skip
"""Mass fractions of the elements in cortical bone, whose density is 1.92 g/cm³ (ICRU Report 44; NIST, table 2)."""
WATER = {"H": 0.111898, "O": 0.888102}
"""Mass fractions of the elements in water (NIST, table 2)."""
CAESIUM_IODIDE = {"Cs": 0.511549, "I": 0.488451}
"""Mass fractions of the elements in caesium iodide (NIST, table 2)."""
CSI_DENSITY = 4.51 * 0.75
"""Density of the scintillator, g/cm³: needles of caesium iodide fill about three quarters of the layer."""
TUBE_ANGLE = 12.0
"""Anode angle of a typical C-arm tube, degrees."""
_BIN = 2.5  # keV: width of the spectrum's bins; halving it changes the signal behind 30 cm of water by 0.1 %


def mass_attenuation(fractions: dict[str, float], energies: np.ndarray, kind: str = "total") -> np.ndarray:
    """Mass attenuation coefficient of a mixture, cm²/g.

    Parameters
    ----------
    fractions
        Mass fractions of the elements.
    energies
        (E,) energies of the photons, keV.
    kind
        Which interactions are counted: "total" (all), "photo", "coh" or "incoh".

    Returns
    -------
    ndarray
        (E,) coefficients from the tables of Elam, Ravel and Sieber (2002) in xraydb, which agree with NIST's.
    """
    import xraydb  # here, because the import of its database's library takes a second

    electronvolts = 1000.0 * np.atleast_1d(np.asarray(energies, float))
    return sum(part * xraydb.mu_elam(element, electronvolts, kind=kind) for element, part in fractions.items())


def water_densities(hounsfield: np.ndarray) -> np.ndarray:
    """From Hounsfield units to the density of water that attenuates as much, g/cm³.

    A renderer assumes the same: it takes everything in a CT for water.

    Parameters
    ----------
    hounsfield
        (N,) Hounsfield units.

    Returns
    -------
    ndarray
        (N, 2) float64: the density of water, and 0 for the second material.
    """
    water = np.maximum(1 + np.asarray(hounsfield, float) / 1000, 0.0)
    return np.stack([water, np.zeros_like(water)], -1)


def tissue_densities(hounsfield: np.ndarray) -> np.ndarray:
    r"""From Hounsfield units to the densities of soft tissue and cortical bone, g/cm³.

    The sum of the two follows the fits of Schneider, Bortfeld and Schlegel (Phys. Med. Biol. 45:459, 2000) for adipose
    tissue, water-like tissue (:math:`1.018 + 0.893\cdot10^{-3}\,\mathrm{HU}`) and the skeleton
    (:math:`1.017 + 0.592\cdot10^{-3}\,\mathrm{HU}`); the small step between the last two, at 100 HU, is bridged by
    a line that begins at 14 HU. Below adipose tissue the sum falls to zero at -1000 HU rather than to the density of
    air, because a detector is calibrated in air. At 1525 HU the fit reaches the 1.92 g/cm³ of cortical bone. From 100
    to 1525 HU a voxel holds bone in a share of its *volume* that rises linearly from 0 to 1, and soft tissue in the
    rest. Denser voxels hold denser bone. What is not tissue is treated as if it were: metal as bone, and contrast agent
    as soft tissue with a share of bone.

    Parameters
    ----------
    hounsfield
        (N,) Hounsfield units.

    Returns
    -------
    ndarray
        (N, 2) float64: the density of soft tissue, and that of bone.
    """
    bone_hu = (1.92 - 1.017) / 0.592e-3
    nodes = [-1000.0, -98.0, 14.0, 100.0, bone_hu]
    soft = np.interp(hounsfield, nodes, [0.0, 1.018 - 0.893e-3 * 98, 1.018 + 0.893e-3 * 14, 1.017 + 0.0592, 0.0])
    bone = np.interp(hounsfield, nodes, [0.0, 0.0, 0.0, 0.0, 1.92])
    return np.stack([soft, bone + 0.592e-3 * np.maximum(np.asarray(hounsfield) - bone_hu, 0.0)], -1)


@dataclass(frozen=True)
class Beam:
    """The photons that reach the detector through air alone, and how much the two materials attenuate them.

    All fields but ``efficiency`` are (E,) float64. ``energies`` are in keV. ``weights`` are the shares of each energy
    in the signal; their sum is 1. ``quantum`` is the signal of one detected photon of each energy, in units of the mean
    over all detected photons. ``efficiency`` is the number of detected photons per incident photon. ``soft`` and
    ``bone`` are the mass attenuation coefficients of the two materials, cm²/g.
    """

    energies: np.ndarray
    weights: np.ndarray
    quantum: np.ndarray
    efficiency: float
    soft: np.ndarray
    bone: np.ndarray


@lru_cache(maxsize=16)  # because SpekPy needs half a second for a spectrum
def make_beam(
    kvp: float | None, filtration: float, energy: float, scintillator: float | None, tissues: bool = True
) -> Beam:
    """The beam of a tube, as an energy-integrating detector measures it.

    Parameters
    ----------
    kvp
        Tube voltage, kV (tungsten anode, SpekPy's default model). None: every photon has the energy ``energy``.
    filtration
        Thickness of the aluminium in front of the tube, mm; the inherent filtration is included.
    energy
        Energy of every photon, keV, if ``kvp`` is None.
    scintillator
        Thickness of the caesium iodide, mm. The probability that a photon is detected is the probability that the
        photoelectric effect absorbs it (no fluorescence escapes). None: every photon is detected.
    tissues
        False: the first material is water, for use with :func:`water_densities`.
    """
    energies, photons = (np.array([float(energy)]), np.ones(1)) if kvp is None else tube_spectrum(kvp, filtration)
    detected = np.ones_like(energies)
    if scintillator is not None:
        absorption = mass_attenuation(CAESIUM_IODIDE, energies, kind="photo") * CSI_DENSITY * scintillator / 10
        detected = -np.expm1(-absorption)
    efficiency = float(photons @ detected / photons.sum())

    bins = (energies // _BIN).astype(int)
    counts = np.bincount(bins, photons * detected)
    kept = counts > 1e-6 * counts.max()
    signal = np.bincount(bins, photons * detected * energies)[kept]
    energies, counts = signal / counts[kept], counts[kept]
    return Beam(
        energies=energies,
        weights=signal / signal.sum(),
        quantum=energies * counts.sum() / signal.sum(),
        efficiency=efficiency,
        soft=mass_attenuation(SOFT_TISSUE if tissues else WATER, energies),
        bone=mass_attenuation(CORTICAL_BONE, energies),
    )


def tube_spectrum(kvp: float, filtration: float) -> tuple[np.ndarray, np.ndarray]:
    """The spectrum of a tungsten tube: energies (E,), 0.5 keV apart, and the relative number of photons at each.

    The energies are in keV, ``kvp`` is in kV and ``filtration`` in mm of aluminium. The spectrum is that of SpekPy's
    default model (Poludniowski et al., 2021).
    """
    import spekpy  # here, because the import takes a second and only this function needs it

    return spekpy.Spek(kvp=kvp, th=TUBE_ANGLE, dk=0.5).filter("Al", filtration).get_spectrum()
