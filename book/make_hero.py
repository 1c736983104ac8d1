"""``python book/make_hero.py`` draws the still picture of the book's first page, and the card that links to it show.

Readers whose system asks for less motion see the still in place of the animation. The card has the size that social
networks ask for.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

from diffpose_nb import ct, data, dicom, evaluate, plots, register, render
from diffpose_nb.camera import Camera
from diffpose_nb.images import collimator

CARD = Path(__file__).parent / "_static" / "social-card.jpg"


def main(path: Path = Path(__file__).parent / "images" / "hero.png") -> None:
    """Register the example X-ray and draw it with the CT before and after the registration."""
    subject, xray, truth = ct.example(), dicom.read_xray(data.EXAMPLE_XRAY), data.example_truth()
    observed = xray.attenuation()
    observed = observed.where(collimator.open_field(observed), torch.nan)
    renderer, landmarks = render.Renderer(subject, xray.camera), ct.landmarks(subject)
    panels = {"a C-arm's X-ray, as line integrals": observed}
    for name, pose in {
        "the CT, where the header puts it": xray.world_from_camera,
        "after registration": register.refine(subject, xray, progress=False).world_from_camera,
    }.items():
        error = evaluate.mtre(pose, truth, landmarks).item()
        panels[f"{name}: {error:.1f} mm off"] = plots.overlay(renderer(pose)[0, 0], observed)
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.35), layout="constrained", facecolor="white")
    for ax, (title, image) in zip(axes, panels.items(), strict=True):
        plots.picture(image, xray.camera, ax).set_axis_off()
        ax.set_title(title, fontsize=13)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)
    draw_card(list(panels.items())[1:], xray.camera).savefig(CARD, dpi=100, pil_kwargs={"quality": 90})


def draw_card(overlays: list[tuple[str, np.ndarray]], camera: Camera) -> plt.Figure:
    """The title of the book above the overlays before and after registration, 1200 × 630 pixels."""
    figure, axes = plt.subplots(1, 2, figsize=(12, 6.3), facecolor="#0b2a3f")
    figure.subplots_adjust(left=0.03, right=0.97, top=0.74, bottom=0.09, wspace=0.04)
    figure.text(0.04, 0.86, "Where was the C-arm?", color="white", fontsize=44, weight="bold")
    figure.text(0.04, 0.785, "2D/3D registration of X-ray and CT, in notebooks", color="#9fd3ee", fontsize=22)
    for ax, (title, image) in zip(axes, overlays, strict=True):
        plots.picture(image, camera, ax).set_axis_off()
        ax.text(0.5, -0.04, title, transform=ax.transAxes, color="white", fontsize=16, ha="center", va="top")
    return figure


if __name__ == "__main__":
    main()
