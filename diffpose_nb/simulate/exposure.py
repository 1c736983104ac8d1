"""X-rays of a CT, with physics that the renderer does not share.

A registration that is judged on its own renderer's images is judged on nothing. :mod:`diffpose_nb.render` marches in
fixed steps through an interpolated CT of one linear attenuation; here rays cross the full-resolution CT's voxels
exactly, through two tissues, with a tube's whole spectrum, scatter, noise, blur, a collimator and, if you like, a
vendor's processing for display. Each of these can be switched off, see :data:`OFF`. With all of them off,
``-log(pixels)`` is the renderer's line integral.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
import torch
import torchio
from scipy.special import ndtr
from torch import Tensor

from ..camera import Camera, as_float64, carm_pose, transform_points
from ..images import Display, XRay
from .detector import blurred, scattered
from .physics import Beam, make_beam, tissue_densities, water_densities
from .siddon import areal_densities

FULL_SCALE = 2**14 - 1
"""The largest digital number of a 14-bit detector."""
Collimation = Literal["octagon", "circle", "rectangle"]
OFF: Mapping[str, object] = MappingProxyType(
    {"tissues": False, "kvp": None, "energy": 70.0, "scintillator": None, "supersampling": 1, "focal_spot": 0.0}
    | {"detector_blur": 0.0, "scatter": 0.0, "photons": None, "electronic_noise": 0.0, "collimation": None}
    | {"gain": 1.0, "display": None}
)
"""Keywords of :func:`simulate_xray` that switch everything off: ``simulate_xray(…, **OFF)``, or with one effect on,
``simulate_xray(…, **{**OFF, "scatter": 0.2})``. 70 keV is the energy of :data:`diffpose_nb.ct.MU_WATER`."""
_PENUMBRA = 1.5  # mm at the detector: a 0.6 mm focal spot over a blade's edge 15 to 20 cm below it
_EXPOSURE = 0.8  # of full scale: what automatic exposure gives the brightest part of the image


def simulate_xray(
    subject: torchio.Subject,
    camera: Camera,
    primary: float,
    secondary: float,
    sod: float,
    *,
    motion: Tensor | None = None,
    seed: int = 0,
    tissues: bool = True,
    kvp: float | None = 80.0,
    filtration: float = 3.0,
    energy: float = 60.0,
    scintillator: float | None = 0.6,
    supersampling: int = 2,
    focal_spot: float = 0.25,
    detector_blur: float = 0.2,
    scatter: float = 0.2,
    scatter_spread: float = 40.0,
    photons: float | None = 2e5,
    electronic_noise: float = 1.0,
    collimation: Collimation | None = "octagon",
    field: float = 0.95,
    gain: float | None = None,
    display: Display | None = None,
) -> XRay:
    r"""An X-ray of a CT as a C-arm would take it of a patient who has moved.

    The header's pose is the nominal one, ``carm_pose(primary, secondary, sod)``. The image is taken from
    ``motion @ nominal``, which is ``.true_world_from_camera`` of the result and is written to no file.

    Behind path lengths that are exact for voxels of constant density (Siddon 1985) and the two tissues of
    :func:`diffpose_nb.simulate.physics.tissue_densities`, the primary signal of a pixel, relative to the open beam, is

    .. math:: P = \Big\langle \sum_E w_E\, e^{-(\mu/\rho)_\mathrm{soft}(E)\,a_\mathrm{soft}
              - (\mu/\rho)_\mathrm{bone}(E)\,a_\mathrm{bone}} \Big\rangle_\text{rays of the pixel}

    with :math:`w_E \propto \Phi(E)\,\eta(E)\,E` (fluence, absorption in the scintillator, energy) and
    :math:`a` the areal densities. As after a flat-field correction, distance and obliquity do not show.

    Parameters
    ----------
    subject
        ``subject["volume"]``: Hounsfield units, its affine the voxels' position in world mm.
    camera
        The detector.
    primary, secondary
        Positioner angles, degrees; positive: LAO, CRA.
    sod
        Source to isocentre, mm.
    motion
        (4, 4) ``moved_from_world``, for instance of :func:`diffpose_nb.camera.rigid_motion`: moves the C-arm in
        world axes, that is, the patient by its inverse. None: nobody moved.
    seed
        Of the noise. The same seed gives the same pixels.
    tissues
        False: everything is water, as dense as its CT number says. That is what a renderer takes a CT for.
    kvp, filtration
        Tube voltage, kV, and aluminium filter, mm, of a tungsten tube (SpekPy). ``kvp=None``: every photon has
        ``energy`` keV.
    scintillator
        mm of caesium iodide. None: every photon is absorbed.
    supersampling
        n: n x n rays a pixel, their intensities averaged. 1: one ray through its centre.
    focal_spot
        Standard deviation of the focal spot, mm at the source (0.25: a spot of nominally 0.6 mm). It blurs the
        primary image by that times (SID - SOD) / SOD. 0: a point.
    detector_blur
        Standard deviation of the light's spread in the scintillator, mm; it blurs the noise too. 0: none.
    scatter, scatter_spread
        Scattered over primary signal, both summed over the field (0.2: behind an anti-scatter grid), and its spread
        as a standard deviation in mm at the detector. The scatter is born in proportion to :math:`-P\log P`, so
        where there is no patient there is none, and is blurred by a Gaussian, over the collimator's edge and partly
        past the detector (the simplest of the kernels in Sun and Star-Lack, Phys. Med. Biol. 55:6695, 2010).
        0: none.
    photons
        Photons per mm² in the open beam at the detector (2e5: one frame of fluoroscopy). The signal's variance is
        that of the sum of the detected photons' energies. None: no quantum noise.
    electronic_noise
        Standard deviation in digital numbers, that is, after ``gain``. 0: none (as it has to be with ``gain=1``).
    collimation, field
        "octagon", "circle" or "rectangle" around the image's centre; its width as a share of the detector's shorter
        side, for a rectangle of each side. Outside there is scatter only. None: open.
    gain
        Digital numbers per open-beam signal. None: automatic exposure, which puts the brightest part of the image at
        0.8 of the 14-bit scale; the open beam is then unknown, as it is to whoever gets a file. Where the signal
        leaves the scale it is clipped.
    display
        A vendor's processing, in place of what the detector counted. None: none.

    Returns
    -------
    XRay
        ``.pixels`` (rows, columns) float32 in [0, 16383], proportional to dose (``relationship="LIN"``); with
        ``display`` in [0, 2^bits - 1] and ``relationship="DISP"``.

    Raises
    ------
    ValueError
        Names the argument that makes no sense, or says what is wrong with the CT.
    """
    motion = None if motion is None else as_float64(motion)
    _require_geometry(subject, camera, sod, motion)
    _require_numbers(
        {
            "scintillator": scintillator,
            "scatter_spread": scatter_spread,
            "photons": photons,
            "field": field,
            "gain": gain,
        },
        {"filtration": filtration, "focal_spot": focal_spot, "detector_blur": detector_blur, "scatter": scatter}
        | {"electronic_noise": electronic_noise},
    )
    if kvp is None and not 10 <= energy <= 150:
        raise ValueError(f"energy is {energy}: diagnostic photons have 10 to 150 keV")
    if kvp is not None and not 20 <= kvp <= 150:
        raise ValueError(f"kvp is {kvp}: a diagnostic tube runs at 20 to 150 kV; None makes all photons of one energy")
    if supersampling < 1 or supersampling != int(supersampling):
        raise ValueError(f"supersampling is {supersampling}: n = 1, 2, … gives n x n rays a pixel")
    if collimation is not None and collimation not in get_args(Collimation):
        raise ValueError(f"collimation is {collimation!r}: it can be {', '.join(get_args(Collimation))} or None")
    nominal = carm_pose(primary, secondary, sod)
    true = nominal if motion is None else motion @ nominal
    beam = make_beam(kvp, filtration, energy, scintillator, tissues)

    signal, quantum = _primary(trace(subject, camera, true, supersampling, tissues), beam, supersampling)
    focal_blur = focal_spot * (camera.sid - sod) / sod
    primary_signal, quantum = (blurred(image, focal_blur, camera) for image in (signal, quantum))

    if collimation is not None:
        primary_signal = primary_signal * collimator(camera, collimation, field)
    expected = primary_signal + scattered(signal, primary_signal, scatter, scatter_spread, camera)

    rng = np.random.default_rng(seed)
    image = expected
    if photons is not None:
        row_spacing, column_spacing = camera.pixel_spacing
        one = quantum / (photons * beam.efficiency * row_spacing * column_spacing)
        image = one * rng.poisson(expected / one)
    image = blurred(image, detector_blur, camera)
    if gain is None:
        gain = _EXPOSURE * FULL_SCALE / max(float(expected.max()), 1e-12)
    image = gain * image
    if electronic_noise > 0:
        image = image + rng.normal(0.0, electronic_noise, image.shape)

    image, relationship = np.clip(image, 0.0, FULL_SCALE), "LIN"
    if display is not None:
        image, relationship = display(image, camera.pixel_spacing), "DISP"
    pixels = torch.from_numpy(image.astype(np.float32))
    tube = f"{kvp:g} kVp" if kvp is not None else f"{energy:g} keV"
    notes = [f"simulated from a CT ({tube}, scatter {scatter:g}, seed {seed}); the header's pose is the nominal one"]
    return XRay(pixels, camera, nominal, notes=notes, relationship=relationship, true_world_from_camera=true)


def trace(
    subject: torchio.Subject,
    camera: Camera,
    world_from_camera: Tensor,
    supersampling: int = 1,
    tissues: bool = True,
) -> np.ndarray:
    """Areal densities of soft tissue and bone behind every ray: (2, rows * n, columns * n) float32, g/cm².

    Each pixel has n x n rays, n = ``supersampling``, at the centres of its n x n equal parts. Hounsfield units are
    rounded to integers. Without ``tissues``: of water, and of nothing.
    """
    volume = subject["volume"].data[0].numpy()
    rows_of_table = np.empty(volume.shape, np.int16)
    for slab, source in zip(rows_of_table, volume, strict=True):  # a slab at a time: no second float copy of the CT
        np.rint(np.clip(source, -1000, 31767) + 1000, out=slab, casting="unsafe")
    densities = tissue_densities if tissues else water_densities
    table = densities(np.arange(-1000.0, 31768.0)).astype(np.float32)

    first = (1 / supersampling - 1) / 2  # of a pixel: from its centre to the centre of its first part
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]) / supersampling + first  # (column, row)
    points = transform_points(world_from_camera, camera.detector_points(corners)).numpy()
    return areal_densities(
        rows_of_table,
        table,
        np.asarray(subject["volume"].affine, np.float64),
        world_from_camera[:3, 3].numpy(),
        points[0],
        points[1:] - points[0],
        (camera.shape[0] * supersampling, camera.shape[1] * supersampling),
    )


def collimator(camera: Camera, shape: Collimation, field: float) -> np.ndarray:
    """What the collimator lets through: (rows, columns) from 0 to 1, with a soft edge.

    The width of the field is a share of the detector's shorter side, for a rectangle of each side.
    """
    (rows, columns), (row_spacing, column_spacing) = camera.shape, camera.pixel_spacing
    y = np.abs(np.arange(rows) - (rows - 1) / 2)[:, None] * row_spacing
    x = np.abs(np.arange(columns) - (columns - 1) / 2)[None, :] * column_spacing
    half_height, half_width = field * rows * row_spacing / 2, field * columns * column_spacing / 2
    radius = min(half_height, half_width)
    if shape == "rectangle":
        outside = np.maximum(y - half_height, x - half_width)
    elif shape == "circle":
        outside = np.hypot(x, y) - radius
    else:
        outside = np.maximum(np.maximum(x, y), (x + y) / np.sqrt(2)) - radius
    return ndtr(-outside / _PENUMBRA)


def _primary(areal: np.ndarray, beam: Beam, supersampling: int) -> tuple[np.ndarray, np.ndarray]:
    """The unscattered signal, and the signal of a mean detected photon in it; both (rows, columns), open beam = 1."""
    soft, bone = areal
    signal, squares = np.zeros_like(soft), np.zeros_like(soft)
    for weight, quantum, mu_soft, mu_bone in zip(beam.weights, beam.quantum, beam.soft, beam.bone, strict=True):
        part = np.float32(weight) * np.exp(-(np.float32(mu_soft) * soft + np.float32(mu_bone) * bone))
        signal += part
        squares += np.float32(quantum) * part
    rows, columns = (size // supersampling for size in soft.shape)
    signal, squares = (
        image.reshape(rows, supersampling, columns, supersampling).mean((1, 3), dtype=np.float64)
        for image in (signal, squares)
    )
    return signal, (squares + 1e-30) / (signal + 1e-30)  # nothing may come through metal


def _require_geometry(subject: torchio.Subject, camera: Camera, sod: float, motion: Tensor | None) -> None:
    volume = subject["volume"].data
    if volume.ndim != 4 or volume.shape[0] != 1:
        raise ValueError(f"subject['volume'] has shape {tuple(volume.shape)}: a CT has one channel, (1, I, J, K)")
    if not torch.isfinite(volume.sum(dtype=torch.float64)):  # one number: no mask as large as the CT
        raise ValueError("subject['volume'] has NaN or infinite voxels; fill them (with -1000 HU for air)")
    if not 0 < sod < camera.sid:
        raise ValueError(f"sod is {sod} mm: the isocentre lies between source and detector, SID {camera.sid} mm")
    if motion is not None and tuple(motion.shape) != (4, 4):
        raise ValueError(f"motion has shape {tuple(motion.shape)}: it is one transform, (4, 4)")


def _require_numbers(positive: dict[str, float | None], not_negative: dict[str, float]) -> None:
    for name, value in positive.items():
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} is {value}: it must be a positive number")
    for name, value in not_negative.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value}: it must be a number, 0 or more")
