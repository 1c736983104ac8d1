"""``python book/make_openings.py [NN …]`` makes the pictures that notebooks open with.

Each notebook is executed as far as its cell with the tag ``opening``, and what that cell draws becomes
``book/images/openings/NN.webp``. With ``--executed FOLDER`` the notebooks are taken from a folder in which they have
been executed already.
"""

from __future__ import annotations

import argparse
import base64
import os
from io import BytesIO
from pathlib import Path

import nbformat
import PIL.Image
import PIL.ImageChops
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
WIDTH = 1440  # pixels: two for each of the page
RIM = 12  # pixels of white that are left around a picture


def main(numbers: list[str], executed: Path | None, out: Path = ROOT / "book" / "images" / "openings") -> None:
    """Make the pictures of the notebooks with these numbers; of all, if there is no number."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        number = path.stem[:2]
        if numbers and number not in numbers:
            continue
        here = nbformat.read(path, as_version=4)
        (tagged,) = (n for n, cell in enumerate(here.cells) if "opening" in cell.metadata.get("tags", []))
        if executed is None:
            notebook = here
            notebook.cells = here.cells[: tagged + 1]
            os.environ["DIFFPOSE_NB_STATIC"] = "1"
            NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
        else:
            notebook = nbformat.read(executed / path.name, as_version=4)
        (cell,) = (cell for cell in notebook.cells if cell.id == here.cells[tagged].id)
        small(picture(cell)).save(out / f"{number}.webp", "webp", quality=82, method=6)
        print(out / f"{number}.webp", (out / f"{number}.webp").stat().st_size // 1000, "kB")


def picture(cell: nbformat.NotebookNode) -> PIL.Image.Image:
    """The last picture that a cell has drawn, without the white around it."""
    drawn = [output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    if not drawn:
        raise ValueError(f"the cell that is tagged 'opening' draws no picture: {cell.source[:60]!r}")
    image = PIL.Image.open(BytesIO(base64.b64decode(drawn[-1]))).convert("RGB")
    left, top, right, bottom = PIL.ImageChops.invert(image).getbbox()
    right, bottom = min(right + RIM, image.width), min(bottom + RIM, image.height)
    return image.crop((max(left - RIM, 0), max(top - RIM, 0), right, bottom))


def small(image: PIL.Image.Image) -> PIL.Image.Image:
    """A picture of at most :data:`WIDTH` pixels."""
    image.thumbnail((WIDTH, WIDTH), PIL.Image.Resampling.LANCZOS)
    return image


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("numbers", nargs="*", help="such as 04; all by default")
    parser.add_argument("--executed", type=Path, help="folder with executed notebooks")
    chosen = parser.parse_args()
    main(chosen.numbers, chosen.executed)
