"""A technical term that a notebook uses leads to the glossary at least once."""

import re

import pytest
from the_book import BOOK, NOTEBOOKS, markdown_cells

# Words of everyday language, or of a first course, that a link at every notebook's start would only burden.
EVERYDAY = {
    "Agreement", "Attenuation", "C-arm", "Camera frame", "Depth", "Detector", "Landmark", "Magnification",
    "Mirrored image", "PA and AP", "Parallax", "Pose", "Scatter", "Similarity", "Source", "Voxel frame", "World frame",
}  # fmt: skip
# How a term appears in a sentence, where that is not its heading or its heading with an s.
IN_A_SENTENCE = {
    "Confidence": r"\bconfidence\b(?! interval)",
    "Beer-Lambert law": "Beer(?:[–-]| and )Lambert",
    "Coarse to fine": "coarse[- ]to[- ]fine",
    "Gauss-Newton": "Gauss[–-]Newton",
    "Hounsfield unit": "Hounsfield units?",
    "Levenberg-Marquardt": "Levenberg[–-]Marquardt",
    "Positioner primary angle": "primary angle",
    "Pitch, yaw and roll": r"\b(?:pitch|yaw|roll)\b",
    "Positioner secondary angle": "secondary angle",
    "Siddon's method": "Siddon(?:['’]s method)?",
    "mPE": r"\bmPE\b",
}
TERMS = re.findall(r"^### (.+)$", (BOOK / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)


def pattern(term):
    """Abbreviations keep their capitals."""
    words = IN_A_SENTENCE.get(term, rf"\b{re.escape(term)}s?\b")
    return re.compile(words, 0 if sum(letter.isupper() for letter in term) > 1 else re.IGNORECASE)


def anchor(term):
    return re.sub(r"[^\w\- ]", "", term.lower()).replace(" ", "-")


def unlinked(text):
    """Technical terms in the sentences of a Markdown text, without a link to their entries."""
    blocks = re.sub(r"```.*?```|\$\$.*?\$\$", " ", text, flags=re.DOTALL)
    sentences = re.sub(r"`[^`\n]*`|\$[^$\n]*\$|^#+ .*$", " ", blocks, flags=re.MULTILINE)
    sentences = re.sub(r"\[[^\]]*\]\([^)]*\)", " ", sentences)
    return [
        term
        for term in TERMS
        if term not in EVERYDAY and pattern(term).search(sentences) and f"glossary.md#{anchor(term)})" not in text
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_technical_terms_are_linked(path):
    assert not unlinked("\n\n".join(cell.source for cell in markdown_cells(path)))


def test_the_check_sees_what_it_should():
    text = "# DRR\n\nThe SID, the `SOD`, and [NCC](../book/glossary.md#ncc), twice NCC. $DRR$\n\n```\nmTRE\n```"
    assert unlinked(text) == ["SID"]
    assert unlinked("Siddon’s method") == ["Siddon's method"] and not unlinked("a sid, a residual")
