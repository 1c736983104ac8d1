"""A sequence of pictures under a slider, as one piece of HTML that needs nothing else.

It works wherever the output of a cell is shown: in JupyterLab, in Colab, in the book, from the disk and without a
kernel. Where scripts are switched off, all pictures stand one below another.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
from IPython.display import HTML
from matplotlib.figure import Figure

from ._page import KEYS, to_bytes

Picture = Figure | np.ndarray | bytes
"""A figure, which is closed; an array (rows, columns) or (rows, columns, 3), 0 to 1; or the bytes of a PNG file."""


class Step(NamedTuple):
    """One position of the slider."""

    title: str
    """A few words."""
    picture: Picture | tuple[Picture, ...]
    """A figure, which is closed; an array (rows, columns) or (rows, columns, 3), 0 to 1; or the bytes of a PNG file.
    Several stand side by side, or one below another where there is no room."""
    alt: str | tuple[str, ...]
    """A sentence that says what the picture shows, for those who do not see it; one for each picture."""
    caption: str = ""
    """A sentence or two under it."""


def stepper(steps: Sequence[Step], *, label: str = "step", scene: str | None = None) -> HTML:
    """Pictures with captions, one at a time: a slider, buttons and the arrow keys go from one to the next.

    Parameters
    ----------
    steps
        In order. Their pictures should have one size.
    label
        What the slider chooses, for screen readers.
    scene
        A page of :func:`diffpose_nb.scenes.interactive` with as many steps; it is shown beside the pictures, and
        follows the slider.

    Returns
    -------
    IPython.display.HTML
        Pictures are in it as data; nothing is requested from anywhere.

    Raises
    ------
    ValueError
        There are no steps, or a picture has no alternative text.
    """
    if not steps:
        raise ValueError("there are no steps: a stepper needs at least one")
    figures = "".join(_figure(n, step) for n, step in enumerate(steps, start=1))
    frame = ""
    if scene is not None:
        title = html.escape(f"3D scene of each {label}; drag to turn it")
        frame = f'<iframe title="{title}" loading="lazy" srcdoc="{html.escape(scene)}"></iframe>'
    kind = "dp-stepper dp-with-scene" if scene is not None else "dp-stepper"
    return HTML(
        f'<div class="{kind}" role="group" aria-label="{html.escape(label)}, one at a time" {KEYS}>{_STYLE}'
        f'<div class="dp-bar" hidden>'
        f'<button type="button" aria-label="previous {html.escape(label)}">&#9664;</button>'
        f'<input type="range" min="1" max="{len(steps)}" value="1" step="1" aria-label="{html.escape(label)}">'
        f'<button type="button" aria-label="next {html.escape(label)}">&#9654;</button>'
        f'<output aria-hidden="true"></output></div>'
        f'<div class="dp-row">{frame}<div class="dp-pictures" aria-live="polite">{figures}</div></div>'
        f"{_SCRIPT}</div>"
    )


def _figure(number: int, step: Step) -> str:
    several = isinstance(step.picture, tuple)
    pictures, alts = (step.picture, step.alt) if several else ((step.picture,), (step.alt,))
    if isinstance(alts, str) or len(alts) != len(pictures) or not all(alt.strip() for alt in alts):
        wanted = "say what the picture shows" if len(pictures) == 1 else f"a tuple of {len(pictures)}, one each"
        raise ValueError(f"no alternative text for {step.title!r}: {wanted}")
    images = "".join(
        f'<img src="{encode(picture)}" alt="{html.escape(alt)}">' for picture, alt in zip(pictures, alts, strict=True)
    )
    images = f'<div class="dp-side">{images}</div>' if several else images
    caption = f"<b>{number}. {html.escape(step.title)}</b> {html.escape(step.caption)}"
    return f"<figure>{images}<figcaption>{caption}</figcaption></figure>"


def encode(picture: Picture) -> str:
    """The picture as a data URL: WebP, which is a third of PNG, but for a PNG file as it is."""
    if isinstance(picture, bytes):
        return f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    buffer = BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(buffer, format="png", dpi=120)
        plt.close(picture)
        image = PIL.Image.open(buffer).convert("RGB")
    else:
        image = PIL.Image.fromarray(to_bytes(picture))
    packed = BytesIO()
    image.save(packed, "webp", quality=85, method=4)
    return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"


# Colours are the page's own, so that light and dark need no care.
_STYLE = """<style>
.dp-stepper { max-width: 900px; margin: 0.5em 0; }
.dp-stepper .dp-bar { display: flex; align-items: center; gap: 0.6em; margin: 0 0 0.5em; }
.dp-stepper .dp-bar[hidden] { display: none; }
.dp-stepper input { flex: 1; min-width: 6em; accent-color: #0072B2; }
.dp-stepper button { min-width: 2.6em; min-height: 2.2em; padding: 0 0.6em; font: inherit; color: inherit;
  background: transparent; border: 1px solid currentColor; border-radius: 4px; cursor: pointer; }
.dp-stepper button:disabled { opacity: 0.35; cursor: default; }
.dp-stepper :is(button, input):focus-visible { outline: 3px solid #E69F00; outline-offset: 2px; }
.dp-stepper output { min-width: 3em; text-align: right; }
.dp-stepper .dp-row { display: flex; flex-wrap: wrap; gap: 0.8em; align-items: flex-start; }
.dp-stepper iframe { flex: 1 1 300px; min-width: 0; width: 100%; aspect-ratio: 1; max-height: 480px; border: 0;
  background: white; border-radius: 4px; }
.dp-stepper .dp-pictures { flex: 1 1 260px; min-width: 0; }
.dp-stepper figure { margin: 0 0 1em; }
.dp-stepper figure[hidden] { display: none; }
.dp-stepper figure img { display: block; width: 100%; max-width: 100%; height: auto; margin: 0; background: white;
  border-radius: 4px; }
.dp-stepper .dp-side { display: flex; flex-wrap: wrap; gap: 0.6em; align-items: center; }
.dp-stepper .dp-side img { flex: 1 1 260px; width: auto; min-width: 0; max-width: 480px; }
.dp-stepper figcaption { margin-top: 0.4em; text-align: left; min-height: 4.4em; line-height: 1.4; color: inherit; }
</style>"""

# Found by its class, not by an id or by currentScript: Lab and Colab insert scripts each in their own way.
_SCRIPT = """<script>
for (const box of document.querySelectorAll(".dp-stepper:not([data-ready])")) {
  box.dataset.ready = "yes";
  const bar = box.querySelector(".dp-bar"), range = box.querySelector("input");
  const [back, forth] = bar.querySelectorAll("button"), count = box.querySelector("output");
  const figures = [...box.querySelectorAll("figure")], frame = box.querySelector("iframe");
  const show = (step) => {
    const n = Math.min(Math.max(step, 1), figures.length);
    figures.forEach((figure, k) => { figure.hidden = k + 1 !== n; });
    range.value = n;
    range.setAttribute("aria-valuetext", figures[n - 1].querySelector("b").textContent);
    count.textContent = n + " / " + figures.length;
    back.disabled = n === 1;
    forth.disabled = n === figures.length;
    if (frame && frame.contentWindow) frame.contentWindow.postMessage({ step: n - 1 }, "*");
  };
  range.addEventListener("input", () => show(+range.value));
  back.addEventListener("click", () => show(+range.value - 1));
  forth.addEventListener("click", () => show(+range.value + 1));
  box.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    show(+range.value + way);
  });
  if (frame) frame.addEventListener("load", () => show(+range.value));
  bar.hidden = false;
  show(1);
}
</script>"""
