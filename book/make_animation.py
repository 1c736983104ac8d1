"""``python book/make_animation.py`` draws the animation of the README and of the book's first page: a registration.

Every frame is a rendering of the refinement; none is interpolated between two others. The animation takes ten
seconds and then starts again.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from diffpose_nb import ct, data, dicom, evaluate, plots, register, render
from diffpose_nb.images import collimator

LENGTH, BEFORE, AFTER = 10_000, 1_500, 2_500  # ms: the whole animation, its first frame, its last frame
SIZE = (8, 4.2)  # inches
DPI = 110
TICKS = (0.2, 0.5, 1, 2, 5, 10, 20)  # mm
QUALITY = 85  # quality of the WebP compression, 0 to 100


def main(path: Path = Path(__file__).parent / "images" / "registration.webp") -> None:
    """Register the example X-ray and make one frame of every rendering that was accepted."""
    subject, xray, truth = ct.example(), dicom.read_xray(data.EXAMPLE_XRAY), data.example_truth()
    landmarks, renderer = ct.landmarks(subject), render.Renderer(subject, xray.camera)
    observed = xray.attenuation()
    observed = observed.where(collimator.open_field(observed), torch.nan)
    found = register.refine(subject, xray, progress=False)
    poses = [pose for pose, accepted in zip(found.poses, found.trace.accepted, strict=True) if accepted]
    errors = [evaluate.mtre(pose, truth, landmarks).item() for pose in poses]
    frames = []
    for number, pose in enumerate(poses):
        overlay = plots.overlay(renderer(pose)[0, 0], observed)
        frames.append(draw(overlay, xray, errors, number, (landmarks, pose, truth)))
    path.parent.mkdir(exist_ok=True)
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=durations(len(frames)),
        loop=0,
        quality=QUALITY,
        method=6,
    )


def durations(frames: int) -> list[int]:
    """Milliseconds of each frame. The first and the last are shown longer; the others share the rest of ten seconds."""
    between = (LENGTH - BEFORE - AFTER) // (frames - 2)
    return [BEFORE, *[between] * (frames - 2), LENGTH - BEFORE - between * (frames - 2)]


def draw(overlay: np.ndarray, xray: dicom.XRay, errors: list[float], number: int, ends: tuple) -> Image.Image:
    """One frame: the overlay with the landmarks' errors, and the curve of the errors so far."""
    landmarks, pose, truth = ends
    figure = plt.figure(figsize=SIZE, layout="constrained", facecolor="black")
    canvas = FigureCanvasAgg(figure)
    picture, curve = figure.subplots(1, 2, width_ratios=(1.1, 1))
    plots.picture(overlay, xray.camera, picture).set_axis_off()
    plots.landmark_errors(picture, landmarks, xray.camera, pose, truth)
    picture.set_title("X-ray in blue, CT in orange", color="white", fontsize=15)
    curve.set_facecolor("black")
    curve.semilogy(errors, color="0.35", linewidth=1)
    curve.semilogy(errors[: number + 1], color=plots.ORANGE, linewidth=3)
    curve.plot(number, errors[number], "o", color="white", markersize=9)
    curve.set_title(f"{errors[number]:.1f} mm off", color="white", fontsize=20)
    curve.set_xlabel("rendering", color="white", fontsize=14)
    curve.set_ylabel("error, mm in 3D", color="white", fontsize=14)
    curve.set_yticks(TICKS, labels=map(str, TICKS))
    curve.minorticks_off()
    curve.tick_params(colors="white", labelsize=13, which="both")
    curve.spines[["top", "right"]].set_visible(False)
    curve.spines[["left", "bottom"]].set_color("white")
    figure.set_dpi(DPI)
    canvas.draw()
    plt.close(figure)
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


if __name__ == "__main__":
    main()
