"""The compiled inner loop of :mod:`diffpose_nb.render`: one march along every ray, value and derivatives together."""

from __future__ import annotations

import math
import threading

import numpy as np
from numba import njit, prange

# numba's fallback threading layer aborts the process when two threads enter a parallel kernel at once.
_lock = threading.Lock()


_GOLDEN = (math.sqrt(5) - 1) / 2


def march(
    volume: np.ndarray, source: np.ndarray, target: np.ndarray, step: float, with_gradient: bool, columns: int = 1
) -> np.ndarray:
    r"""Sum a volume, and its gradient, along rays; everything in voxel coordinates.

    The ray runs from :math:`s` to :math:`q`; its samples are at :math:`p_k = s + a_k (q - s)` with
    :math:`a_k = (k + o)\,\Delta a`. They do not depend on where the ray enters the volume, which would have to be
    differentiated too: the volume's outermost voxels are expected to be zero, so that samples beyond them would have
    added nothing. The offset o differs from ray to ray, :math:`o_n = \{1/2 + n\varphi\}` with the golden ratio's
    :math:`\varphi`. With one offset for all, neighbours would make the same error in step, and it would add up in
    the gradient of a loss instead of averaging out.

    Parameters
    ----------
    volume
        (I, J, K) float32 or float64, at least two voxels along each axis, zero on its border; interpolated trilinearly.
    source, target
        (B, N, 3) float64, the ends of the N rays of each of B images.
    step
        :math:`\Delta a`: the step as a fraction of a ray's length.
    with_gradient
        False leaves the six columns of derivatives at zero and saves time.
    columns
        Width of the image whose pixels the rays are, row by row. They are visited column by column: neighbours down a
        column lie along the patient, which is a CT's last axis, and so find their voxels in the cache.

    Returns
    -------
    ndarray
        (B, N, 7) of the volume's dtype: :math:`\sum v`, :math:`\sum \nabla v` (3), :math:`\sum a_k \nabla v` (3), each
        times :math:`\Delta a`.
    """
    images, rays, _ = target.shape
    if rays % columns:
        raise ValueError(f"columns is {columns}: {rays} rays are no whole number of such rows")
    sums = np.zeros((images, rays, 7), volume.dtype)
    flat = (ends.reshape(-1, 3) for ends in (source, target))
    with _lock:
        _march(volume, *flat, step, rays, columns, with_gradient, sums.reshape(-1, 7))
    return sums


@njit(parallel=True, fastmath=True, cache=True, nogil=True)
def _march(volume, source, target, delta, rays_per_image, columns, with_gradient, sums):
    size_i, size_j, size_k = volume.shape
    stride_i, stride_j = size_j * size_k, size_k
    flat = volume.ravel()
    real = volume.dtype.type
    rows = rays_per_image // columns
    for visit in prange(len(target)):
        image, place = visit // rays_per_image, visit % rays_per_image
        in_image = (place % rows) * columns + place // rows
        ray = image * rays_per_image + in_image
        # Clip to the box of voxel centres [0, size - 1], in double precision.
        first, last = 0.0, 1.0
        for axis in range(3):
            start, run, top = source[ray, axis], target[ray, axis] - source[ray, axis], volume.shape[axis] - 1.0
            if abs(run) < 1e-12:
                if start < 0.0 or start > top:
                    last = -1.0
                continue
            near, far = -start / run, (top - start) / run
            first, last = max(first, min(near, far)), min(last, max(near, far))
        offset = (0.5 + _GOLDEN * in_image) % 1.0
        begin, end = math.ceil(first / delta - offset), math.floor(last / delta - offset)
        if end < begin:
            continue

        # From here on only differences from the entry point matter: single precision is enough for a float32 volume.
        a = (begin + offset) * delta
        di, dj, dk = (
            (target[ray, 0] - source[ray, 0]) * delta,
            (target[ray, 1] - source[ray, 1]) * delta,
            (target[ray, 2] - source[ray, 2]) * delta,
        )
        i0 = real(source[ray, 0] + di * (begin + offset))
        j0 = real(source[ray, 1] + dj * (begin + offset))
        k0 = real(source[ray, 2] + dk * (begin + offset))
        di, dj, dk, a0, da = real(di), real(dj), real(dk), real(a), real(delta)
        value, gi, gj, gk, ai, aj, ak = real(0), real(0), real(0), real(0), real(0), real(0), real(0)
        for n in range(int(end - begin) + 1):
            count = real(n)
            pi, pj, pk = i0 + count * di, j0 + count * dj, k0 + count * dk
            i = min(max(int(pi), 0), size_i - 2)
            j = min(max(int(pj), 0), size_j - 2)
            k = min(max(int(pk), 0), size_k - 2)
            fi, fj, fk = pi - real(i), pj - real(j), pk - real(k)
            at = i * stride_i + j * stride_j + k
            v000, v001 = flat[at], flat[at + 1]
            v010, v011 = flat[at + stride_j], flat[at + stride_j + 1]
            at += stride_i
            v100, v101 = flat[at], flat[at + 1]
            v110, v111 = flat[at + stride_j], flat[at + stride_j + 1]
            d00, d01, d10, d11 = v001 - v000, v011 - v010, v101 - v100, v111 - v110
            c00, c01, c10, c11 = v000 + fk * d00, v010 + fk * d01, v100 + fk * d10, v110 + fk * d11
            e0, e1 = c01 - c00, c11 - c10
            b0, b1 = c00 + fj * e0, c10 + fj * e1
            value += b0 + fi * (b1 - b0)
            if with_gradient:
                a = a0 + count * da
                slope = b1 - b0
                gi += slope
                ai += a * slope
                slope = e0 + fi * (e1 - e0)
                gj += slope
                aj += a * slope
                f0, f1 = d00 + fj * (d01 - d00), d10 + fj * (d11 - d10)
                slope = f0 + fi * (f1 - f0)
                gk += slope
                ak += a * slope
        sums[ray, 0] = value * da
        if with_gradient:
            sums[ray, 1], sums[ray, 2], sums[ray, 3] = gi * da, gj * da, gk * da
            sums[ray, 4], sums[ray, 5], sums[ray, 6] = ai * da, aj * da, ak * da
