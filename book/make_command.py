"""``python book/make_command.py`` makes command.md: what the command is for, and what each of its parts can be told."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from diffpose_nb.cli.app import app

BOOK = Path(__file__).parent
COMMANDS = ("describe", "register", "train", "study")
WIDTH = 88
"""Characters in a line of the help; a line of the page's code is about as wide."""
INTRODUCTION = """# The command `diffpose-nb`

For people who will not open a notebook first. It is installed with the package; `python -m diffpose_nb` is the same.
[Your own CT and X-ray](../notebooks/16_your_own_data.ipynb) goes through the same steps one by one.

    diffpose-nb describe ct_folder xray.dcm
    diffpose-nb register ct_folder xray.dcm -o results

`results/report.html` then shows how it went, and opens offline. `results/pose.json` holds the pose in every convention,
and `results/pose.tfm` is for ITK and 3D Slicer.

| You have | Add |
|---|---|
| two views, and the patient lay still between them | `--together` |
| a header that lacks something | the option that the message names, such as `--sid 1020` |
| a PNG, TIFF, JPEG or `.npy` without a header | `--sid --sod --primary --secondary --pixel-spacing --values --bright` |
| no idea whether it is mirrored, or what is bright | `--try-mirrored --try-inverted` |
| no angles | `--start search`; for many X-rays of one patient `--start network:FILE` of `diffpose-nb train` |
| a pose from elsewhere, of this program, ITK or xvr | `--start pose:FILE`, a `pose.json`, `.tfm` or `.pt` |
| a front view that may be a back view | `--both-sides` |
| a label map, and only some bones matter | `--labels FILE --structures NAME,NAME` |
| 3D Slicer | `--slicer` |
| a table of hundreds | `diffpose-nb study` |

The exit status is 0 if every pose was found, 3 if one is doubtful or lost, and 2 if the input cannot be used; what is
wrong with it is then said in one line. A folder of results appears whole or not at all.

"""


def page() -> str:
    """The text of command.md."""
    parts = [INTRODUCTION]
    for name in COMMANDS:
        result = CliRunner().invoke(app, [name, "--help"], prog_name="diffpose-nb", terminal_width=WIDTH)
        text = "\n".join(line.rstrip() for line in result.stdout.strip().splitlines())
        parts.append(f"## `diffpose-nb {name}`\n\n```text\n{text}\n```\n\n")
    return "".join(parts).rstrip() + "\n"


if __name__ == "__main__":
    (BOOK / "command.md").write_text(page(), encoding="utf-8")
