"""The table of the papers' figures leads from each number to a section that exists."""

import re

import pytest
from mdit_py_plugins.anchors.index import slugify
from the_book import BOOK, NOTEBOOKS, ROOT, markdown_cells

PAGE = "17_the_papers_figures"
NUMBERS = ("Fig. 1", "§4.1", "§4.2", "§4.3", "§4.4", "§5.3", "Ablation", "Appendix A", "Appendix D", "xvr", "DiffDRR")


def anchors(path):
    if path.suffix == ".ipynb":
        text = "\n".join(cell.source for cell in markdown_cells(path))
    else:
        text = path.read_text(encoding="utf-8")
    return {slugify(title.strip()) for title in re.findall(r"^#{1,3} (.+)$", text, re.MULTILINE)}


@pytest.fixture(scope="module")
def rows():
    text = (BOOK / "paths.md").read_text(encoding="utf-8")
    section = text.split("## I am after a figure")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def links(cell):
    return re.findall(r"\]\(([^)\s]+)\)", cell)


def test_every_number_of_the_papers_has_a_row(rows):
    numbers = " ".join(row[0] for row in rows)
    assert not [number for number in NUMBERS if number not in numbers]
    assert all(len(row) == 4 and links(row[2]) and links(row[3]) for row in rows)


def test_every_row_leads_to_a_section_that_exists(rows):
    lost = []
    for row in rows:
        for target in [*links(row[2]), *links(row[3])]:
            name, _, anchor = target.partition("#")
            path = (BOOK / name).resolve()
            if not path.exists() or (anchor and anchor not in anchors(path)):
                lost.append(target)
    assert not lost


def test_every_figures_section_has_a_row(rows):
    """Sections between the opening and the questions."""
    path = next(path for path in NOTEBOOKS if path.stem == PAGE)
    text = "\n".join(cell.source for cell in markdown_cells(path))
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    figures = titles[titles.index("Whose X-rays") + 1 : titles.index("Check yourself")]
    led_to = {target.partition("#")[2] for row in rows for target in links(row[2]) if PAGE in target}
    assert len(figures) > 12 and {slugify(title) for title in figures} == led_to


def test_every_section_says_what_is_the_same_and_what_is_not():
    path = next(path for path in NOTEBOOKS if path.stem == PAGE)
    text = "\n".join(cell.source for cell in markdown_cells(path))
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title = section.splitlines()[0]
        if re.match(r"Fig\.|§|Pose recovery|The table|xvr|DiffDRR", title):
            assert "*The same:*" in section or "*Not the same:*" in section, title


def test_commands_that_the_page_names_exist():
    path = next(path for path in NOTEBOOKS if path.stem == PAGE)
    text = "\n".join(cell.source for cell in markdown_cells(path))
    for module in re.findall(r"python -m (diffpose_nb\.[\w.]+)", text):
        place = ROOT / module.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists(), module
