"""Materials of foreign things in an X-ray: metals, plastics, contrast agent, and tissue that lies over the patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from ..physics import CORTICAL_BONE, SOFT_TISSUE, mass_attenuation


@dataclass(frozen=True)
class Material:
    """What a thing is made of.

    Parameters
    ----------
    name
        How the material is called in notes.
    density
        Mass density, g/cm³.
    fractions
        Mass fractions of the elements, from the symbol of an element to its share; together they are 1.

    Raises
    ------
    ValueError
        The density is not positive, or the fractions are negative or do not add up to 1 (within 2 %, as published
        compositions do).
    """

    name: str
    density: float
    fractions: Mapping[str, float] = field(hash=False)

    def __post_init__(self) -> None:
        if not 0 < self.density < np.inf:
            raise ValueError(f"{self.name} has a density of {self.density}: it must be positive, in g/cm³")
        if min(self.fractions.values()) < 0 or abs(sum(self.fractions.values()) - 1) > 0.02:
            raise ValueError(
                f"mass fractions of {self.name} add up to {sum(self.fractions.values()):.4g}, and not to 1"
            )

    def attenuation(self, energies: np.ndarray) -> np.ndarray:
        """The linear attenuation coefficient at each energy: (E,) keV to (E,) 1/cm."""
        return self.density * mass_attenuation(dict(self.fractions), energies)


_ALL = (
    # ASTM F136, Ti-6Al-4V ELI; density 4.43 g/cm³ (ASM Materials Properties Handbook: Titanium Alloys, 1994)
    Material("titanium", 4.43, {"Ti": 0.90, "Al": 0.06, "V": 0.04}),
    # ASTM F138, implant grade of 316L, in the middle of its ranges; density 7.95 g/cm³ (ASM Handbook, vol. 1)
    Material("steel", 7.95, {"Fe": 0.645, "Cr": 0.18, "Ni": 0.14, "Mo": 0.025, "Mn": 0.01}),
    # ASTM F1537, Co-28Cr-6Mo; density 8.3 g/cm³ (ASM Handbook, vol. 23, Materials for Medical Devices)
    Material("cobalt-chrome", 8.3, {"Co": 0.66, "Cr": 0.28, "Mo": 0.06}),
    # Elements: NIST X-ray mass attenuation coefficients, table 1
    Material("lead", 11.35, {"Pb": 1.0}),
    Material("tantalum", 16.65, {"Ta": 1.0}),
    Material("copper", 8.96, {"Cu": 1.0}),
    Material("aluminium", 2.699, {"Al": 1.0}),
    # Iohexol C19H26I3N3O9 (46.4 % iodine), 647 mg in 1 ml of solution, that is 300 mg of iodine; the rest is water.
    # Density at 37 °C 1.349 g/cm³ (prescribing information of Omnipaque 300)
    Material("iodine contrast", 1.349, {"H": 0.0735, "C": 0.1333, "N": 0.0245, "O": 0.5463, "I": 0.2224}),
    # NIST X-ray mass attenuation coefficients, table 2: polyethylene
    Material("polyethylene", 0.93, {"H": 0.143716, "C": 0.856284}),
    # Polyether ether ketone, (C19H12O3)n; density 1.30 g/cm³ (ASTM F2026, for implants; Kurtz and Devine, Biomaterials
    # 28:4845, 2007)
    Material("PEEK", 1.30, {"H": 0.04196, "C": 0.79159, "O": 0.16645}),
    # ICRU Report 44; NIST, table 2: soft tissue 1.06 g/cm³, cortical bone 1.92 g/cm³
    Material("soft tissue", 1.06, MappingProxyType(SOFT_TISSUE)),
    Material("bone", 1.92, MappingProxyType(CORTICAL_BONE)),
)
MATERIALS: Mapping[str, Material] = MappingProxyType({material.name: material for material in _ALL})
"""Materials by name: "titanium" (Ti-6Al-4V), "steel" (316L), "cobalt-chrome" (Co-28Cr-6Mo), "lead", "tantalum",
"copper", "aluminium", "iodine contrast" (300 mg of iodine in 1 ml, undiluted), "polyethylene", "PEEK", "soft tissue"
and "bone" (cortical). Source: for alloys the ASTM standard for implants, for elements and tissues the tables of NIST,
for the contrast agent its prescribing information."""


def as_material(material: str | Material) -> Material:
    """A material itself, or the one of :data:`MATERIALS` that has this name.

    Raises
    ------
    ValueError
        No material has this name.
    """
    if isinstance(material, Material):
        return material
    if material not in MATERIALS:
        raise ValueError(f"there is no material {material!r}: it can be {', '.join(MATERIALS)}, or a Material")
    return MATERIALS[material]
