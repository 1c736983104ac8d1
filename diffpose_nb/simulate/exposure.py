"""X-rays that are simulated from a CT, with physics that the renderer does not share.

If a registration is tested on images of its own renderer, the test says nothing about real X-rays, because both images
are simplified in the same way. :mod:`diffpose_nb.render` marches in fixed steps through an interpolated CT, in which
every voxel has one linear attenuation. Here the path of a ray through each voxel of the full-resolution CT is exact.
There are two tissues, the whole spectrum of a tube, scatter, noise, blur, a collimator and, on request, a vendor's
processing for display. Each of these effects can be switched off, see :data:`OFF`. With all of them off,
``-log(pixels)`` is the line integral that the renderer computes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera, as_float64, carm_pose, transform_points
from ..images import Display, XRay
from .detector import Collimation, blurred, collimator, scattered
from .foreign.chords import shadows
from .foreign.materials import as_material
from .foreign.shapes import Shape
from .physics import Beam, make_beam, tissue_densities, water_densities
from .siddon import areal_densities

if TYPE_CHECKING:
    import torchio

FULL_SCALE = 2**14 - 1
"""The largest digital number of a 14-bit detector."""
OFF: Mapping[str, object] = MappingProxyType(
    {"tissues": False, "kvp": None, "energy": 70.0, "scintillator": None, "supersampling": 1, "focal_spot": 0.0}
    | {"detector_blur": 0.0, "scatter": 0.0, "photons": None, "electronic_noise": 0.0, "collimation": None}
    | {"gain": 1.0, "display": None, "foreign": (), "mounted": ()}
)
"""Keywords of :func:`simulate_xray` that switch all effects off: ``simulate_xray(…, **OFF)``. With one effect on, the
call is for instance ``simulate_xray(…, **{**OFF, "scatter": 0.2})``. The photons then have 70 keV, the energy for which
:data:`diffpose_nb.ct.MU_WATER` is given."""
_EXPOSURE = 0.8  # share of full scale that automatic exposure gives the brightest part of the image


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
    foreign: Sequence[Shape] = (),
    mounted: Sequence[Shape] = (),
) -> XRay:
    r"""An X-ray of a CT, as a C-arm would take it after the patient has moved.

    The pose in the header is the nominal one, ``carm_pose(primary, secondary, sod)``. The image is taken from the pose
    ``motion @ nominal``. This true pose is ``.true_world_from_camera`` of the result; it is written to no file.

    Path lengths are exact for voxels of constant density (Siddon 1985). Each voxel holds the two tissues of
    :func:`diffpose_nb.simulate.physics.tissue_densities`. The primary signal of a pixel, relative to the open beam, is

    .. math:: P = \Big\langle \sum_E w_E\, e^{-(\mu/\rho)_\mathrm{soft}(E)\,a_\mathrm{soft}
              - (\mu/\rho)_\mathrm{bone}(E)\,a_\mathrm{bone} - \sum_m \Delta\mu_m(E)\,\ell_m}
              \Big\rangle_\text{rays of the pixel}

    with :math:`w_E \propto \Phi(E)\,\eta(E)\,E` (fluence, absorption in the scintillator, energy) and
    :math:`a` the areal densities. :math:`\ell_m` is the length of the ray in the foreign things of one material; its
    linear attenuation exceeds that of what they displace by :math:`\Delta\mu_m`. As in an image after flat-field
    correction, the signal does not depend on the distance from the source, nor on the angle at which a ray meets the
    detector.

    Parameters
    ----------
    subject
        The CT: ``subject["volume"]`` holds Hounsfield units, and its affine takes voxels to world mm.
    camera
        The detector.
    primary, secondary
        Positioner angles in degrees; positive angles are LAO and CRA.
    sod
        Distance from the source to the isocentre, mm.
    motion
        (4, 4) ``moved_from_world``, for instance from :func:`diffpose_nb.camera.rigid_motion`. It moves the C-arm in
        world axes, which has the same effect as a motion of the patient by its inverse. None: the patient did not move.
    seed
        Seed of the noise. The same seed gives the same pixels.
    tissues
        False: everything is water, as dense as its CT number says. A renderer assumes the same of a CT.
    kvp, filtration, energy
        Tube voltage in kV and thickness of the aluminium filter in mm, for a tungsten tube (SpekPy). With ``kvp=None``
        every photon has ``energy`` keV instead.
    scintillator
        Thickness of the caesium iodide, mm. None: every photon is absorbed.
    supersampling
        With n, each pixel has n x n rays, whose intensities are averaged. With 1 it has one ray, through its centre.
    focal_spot
        Standard deviation of the focal spot, mm at the source; 0.25 belongs to a spot of nominally 0.6 mm. The primary
        image is blurred by this value times (SID - SOD) / SOD. 0: the focal spot is a point.
    detector_blur
        Standard deviation of the spread of light in the scintillator, mm. It blurs the noise too. 0: no blur.
    scatter, scatter_spread
        Ratio of scattered to primary signal, both summed over the field (0.2 is a ratio behind an anti-scatter grid),
        and the spread of the scatter as a standard deviation in mm at the detector. Where much of the field is open
        beam, as beside a head, the ratio behind the patient is far higher than that: about 3 for a head, 0.25 for a
        chest. Scatter arises in proportion to
        :math:`-P\log P`, so there is none where there is no patient. It is then blurred by a Gaussian, which takes it
        over the collimator's edge and partly past the detector (the simplest of the kernels in Sun and Star-Lack, Phys.
        Med. Biol. 55:6695, 2010). ``scatter=0``: no scatter.
    photons
        Number of photons per mm² in the open beam at the detector; 2e5 is one frame of fluoroscopy. The variance of the
        signal is that of the sum of the detected photons' energies. None: no quantum noise.
    electronic_noise
        Standard deviation of the electronic noise in digital numbers, that is, after ``gain``. 0: no noise. With
        ``gain=1`` it has to be 0, because the whole signal then goes from 0 to about 1.
    collimation, field
        Shape of the field around the image's centre, "octagon", "circle" or "rectangle", and its width as a share of
        the detector's shorter side (for a rectangle, a share of each side). Outside the field there is only scatter.
        ``collimation=None``: there is no collimator.
    gain
        The digital number of the open beam. None: automatic exposure, which puts the brightest part of the image at 0.8
        of the 14-bit scale; the open beam is then unknown, as it is for anybody who reads such a file. A signal outside
        the scale is clipped.
    display
        A vendor's processing for display, whose result replaces what the detector counted. None: no processing.
    foreign
        Things that the CT does not show, such as screws, cables or an arm, in world coordinates. They belong to the
        patient and move with the patient.
    mounted
        Things that are fixed to the C-arm, such as a letter on its detector, in camera coordinates: x to the right and
        y down as seen from the source, z from the source (0) to the detector (the SID), mm.

    Returns
    -------
    XRay
        Its ``.pixels`` (rows, columns) are float32 in [0, 16383] and proportional to dose (``relationship="LIN"``);
        with ``display`` they are in [0, 2^bits - 1] and ``relationship="DISP"``.

    Raises
    ------
    ValueError
        An argument makes no sense, and the message names it; or the message says what is wrong with the CT.
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

    added = [
        shadow
        for shapes, pose in ((foreign, true), (mounted, torch.eye(4, dtype=torch.float64)))
        for shadow in shadows(shapes, _grid(camera, pose, supersampling), beam.energies)
    ]
    signal, quantum = _primary(trace(subject, camera, true, supersampling, tissues), added, beam, supersampling)
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
    if foreign or mounted:
        names = sorted({as_material(shape.material).name for shape in (*foreign, *mounted)})
        notes.append(f"{len(foreign) + len(mounted)} things that the CT does not show: {', '.join(names)}")
    return XRay(pixels, camera, nominal, notes=notes, relationship=relationship, true_world_from_camera=true)


def trace(
    subject: torchio.Subject,
    camera: Camera,
    world_from_camera: Tensor,
    supersampling: int = 1,
    tissues: bool = True,
) -> np.ndarray:
    """Areal densities of soft tissue and bone along every ray: (2, rows * n, columns * n) float32, g/cm².

    Each pixel has n x n rays, n = ``supersampling``, through the centres of its n x n equal parts. Hounsfield units are
    rounded to integers. With ``tissues=False`` the first areal density is that of water and the second is 0.
    """
    volume = subject["volume"].data[0].numpy()
    rows_of_table = np.empty(volume.shape, np.int16)
    for slab, source in zip(rows_of_table, volume, strict=True):  # slab by slab, to save a float copy of the CT
        np.rint(np.clip(source, -1000, 31767) + 1000, out=slab, casting="unsafe")
    densities = tissue_densities if tissues else water_densities
    table = densities(np.arange(-1000.0, 31768.0)).astype(np.float32)

    source, corner, steps, grid = _grid(camera, world_from_camera, supersampling)
    affine = np.asarray(subject["volume"].affine, np.float64)
    return areal_densities(rows_of_table, table, affine, source, corner, steps, grid)


def _grid(
    camera: Camera, frame_from_camera: Tensor, supersampling: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[int, int]]:
    """The rays of an image: the source (3,), the first point on the detector (3,), the steps (2, 3), and their number.

    They are in mm, in the frame that the matrix leads to.
    """
    first = (1 / supersampling - 1) / 2  # in pixels: from a pixel's centre to the centre of its first part
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]) / supersampling + first  # (column, row)
    points = transform_points(frame_from_camera, camera.detector_points(corners)).numpy()
    rows, columns = camera.shape
    grid = (rows * supersampling, columns * supersampling)
    return frame_from_camera[:3, 3].numpy(), points[0], points[1:] - points[0], grid


def _primary(
    areal: np.ndarray, added: list[tuple[np.ndarray, np.ndarray]], beam: Beam, supersampling: int
) -> tuple[np.ndarray, np.ndarray]:
    """The unscattered signal, and the mean signal of one detected photon in it; both (rows, columns).

    The unit of the first is the signal of the open beam; that of the second is the mean over the open beam's photons.
    """
    soft, bone = areal
    signal, squares = np.zeros_like(soft), np.zeros_like(soft)
    for n, (weight, quantum) in enumerate(zip(beam.weights, beam.quantum, strict=True)):
        depth = np.float32(beam.soft[n]) * soft + np.float32(beam.bone[n]) * bone
        for coefficients, length in added:
            depth += np.float32(coefficients[n]) * length
        part = np.float32(weight) * np.exp(-depth)
        signal += part
        squares += np.float32(quantum) * part
    rows, columns = (size // supersampling for size in soft.shape)
    signal, squares = (
        image.reshape(rows, supersampling, columns, supersampling).mean((1, 3), dtype=np.float64)
        for image in (signal, squares)
    )
    return signal, (squares + 1e-30) / (signal + 1e-30)  # behind metal both may be 0


def _require_geometry(subject: torchio.Subject, camera: Camera, sod: float, motion: Tensor | None) -> None:
    volume = subject["volume"].data
    if volume.ndim != 4 or volume.shape[0] != 1:
        raise ValueError(f"subject['volume'] has shape {tuple(volume.shape)}: a CT has one channel, (1, I, J, K)")
    if not torch.isfinite(volume.sum(dtype=torch.float64)):  # a sum needs no mask as large as the CT
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
