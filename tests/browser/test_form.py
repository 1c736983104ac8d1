"""The built pages keep their form: code, headings and figures fit, tables have no empty frames, paper is whole."""

import pytest

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
READABLE = 9  # pixels
SMALLEST = 8.5 * 100 / 72  # pixels: the smallest letters of a figure that is shown as large as it was drawn

WIDE_CODE = """() => [...document.querySelectorAll(".bd-article .cell_input pre")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.innerText.slice(0, 80))"""
# How large each figure is shown, as a share of the size at which it was drawn.
FIGURES = """() => [...document.querySelectorAll(".bd-article .cell_output img[style*='width']")]
  .map((one) => [one.clientWidth / parseFloat(one.style.width), one.alt.slice(0, 60)])"""
# Frames that are wider than what they hold, and tables that are wider than the page without a frame that scrolls.
GHOSTS = """() => [...document.querySelectorAll(".bd-article table")].filter((table) => {
    const frame = table.closest(".table-frame");
    return !frame || frame.clientWidth > table.offsetWidth + 2 ||
      (table.offsetWidth > frame.clientWidth + 1 && getComputedStyle(frame).overflowX !== "auto");
  }).map((table) => table.innerText.slice(0, 60))"""
# Headings that are as high as two lines, though their words fit into one.
TALL = """() => [...document.querySelectorAll(".bd-article :is(h1, h2, h3)")].filter((one) => {
    const words = document.createRange();
    words.selectNodeContents(one);
    if (one.querySelector("a.headerlink")) words.setEndBefore(one.querySelector("a.headerlink"));
    const lines = new Set([...words.getClientRects()].map((box) => Math.round(box.bottom / 8)));
    return one.clientHeight > 1.5 * parseFloat(getComputedStyle(one).lineHeight) * lines.size;
  }).map((one) => one.innerText)"""
UNCHECKED = """() => [...document.querySelectorAll(".dp-widget input[type=radio]")].length &&
  getComputedStyle(document.querySelector(".dp-widget input[type=radio]")).colorScheme"""


@pytest.fixture
def page(open_page):
    return open_page()


@pytest.fixture
def notebooks(html):
    return sorted((html / "notebooks").glob("[0-9][0-9]_*.html"))


def test_code_figures_headings_and_tables_fit(page, notebooks):
    page.set_viewport_size(DESKTOP)
    wrong, figures = {}, 0
    for path in notebooks:
        page.goto(path.as_uri(), wait_until="load")
        shares = page.evaluate(FIGURES)
        figures += len(shares)
        found = {
            "code": page.evaluate(WIDE_CODE),
            "small letters": [alt for share, alt in shares if share * SMALLEST < READABLE],
            "ghosts": page.evaluate(GHOSTS),
            "tall": page.evaluate(TALL),
        }
        if any(found.values()):
            wrong[path.stem] = {name: some for name, some in found.items() if some}
    assert not wrong
    assert figures > 50


def test_wide_tables_are_cards_on_a_phone(page, html):
    page.set_viewport_size(PHONE)
    page.goto((html / "notebooks" / "01_dicom_metadata.html").as_uri())
    cards = page.locator(".as-cards")
    assert cards.count()
    for frame in cards.all()[:3]:
        assert frame.evaluate("(one) => one.scrollWidth <= one.clientWidth + 1")
        assert frame.locator("tbody tr").first.evaluate("(row) => getComputedStyle(row).display") == "block"
        assert frame.locator("thead").evaluate("(head) => head.offsetHeight") <= 1


def test_controls_are_dark_on_a_dark_page(page, html):
    page.emulate_media(color_scheme="dark")
    page.goto((html / "notebooks" / "04_pose_from_dicom.html").as_uri())
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate(UNCHECKED) == "dark"


@pytest.mark.parametrize("spelling", ["isocentre", "isocenter"])
def test_search_finds_both_spellings_and_shows_excerpts_from_the_disk(page, html, spelling):
    page.goto((html / "search.html").as_uri() + f"?q={spelling}")
    page.wait_for_function("/found|finished/.test(document.querySelector('#search-results').innerText)")
    page.wait_for_function("document.querySelectorAll('#search-results li .context').length > 12")
    found = page.locator("#search-results li a").all_inner_texts()
    assert {"Glossary", "The frame atlas"} <= set(found) and len(found) > 12
    assert any("isocent" in text for text in page.locator("#search-results .context").all_inner_texts())
    assert not page.complaints


def test_on_paper_nothing_is_hidden(page, html):
    """Folded code is open, code and tables are not cut off, and nothing is beside the text."""
    page.set_viewport_size({"width": 800, "height": 1100})
    page.emulate_media(media="print")
    page.goto((html / "notebooks" / "04_pose_from_dicom.html").as_uri())
    folded = page.locator(".bd-article details.hide pre")
    assert folded.count() and all(one.evaluate("(pre) => pre.getClientRects().length") for one in folded.all())
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".bd-article :is(pre, .table-frame)")]
        .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.innerText.slice(0, 60))"""
    )
    assert not cut
    for beside in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".bd-header-article"):
        assert not page.locator(beside).first.is_visible(), beside
