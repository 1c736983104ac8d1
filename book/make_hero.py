"""``python book/make_hero.py`` draws the still picture of the book's first page.

Readers whose system asks for less motion see it in place of the animation.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from diffpose_nb import ct, data, dicom, evaluate, plots, register, render
from diffpose_nb.images import collimator


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
    figure, axes = plt.subplots(1, 3, figsize=(12, 4.35), layout="constrained", facecolor="black")
    for ax, (title, image) in zip(axes, panels.items(), strict=True):
        plots.picture(image, xray.camera, ax).set_axis_off()
        ax.set_title(title, color="white", fontsize=13)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
