"""Tables of Markdown, DataFrames and Stylers become tables of one kind."""

import pandas as pd
import pytest
import tables
from bs4 import BeautifulSoup

NUMBERS = pd.DataFrame(
    {"error, mm": ["0.25", "21.3", "-7"], "judgement": ["found", "lost", "lost"]}, index=["a", "b", "c"]
)
LONG = pd.DataFrame({name: ["a sentence of some words"] * 2 for name in ("tag", "number", "value", "meaning")})


def reformed(text):
    return BeautifulSoup(tables.reform(text), "html.parser")


def column(page, n):
    return [row.find_all(["th", "td"])[n] for row in page.select("tbody tr")]


@pytest.mark.parametrize("make", [NUMBERS.to_html, NUMBERS.style.to_html], ids=["DataFrame", "Styler"])
def test_decimal_points_stand_below_each_other(make):
    """To the right of each point are as many digits; those that were added are not seen, read or copied."""
    page = reformed(make())
    cells = column(page, 1)
    texts = [cell.get_text() for cell in cells]
    assert [text.partition(".")[2] for text in texts] == ["25", "30", "00"]
    for cell, seen in zip(cells, ["0.25", "21.3", "-7"], strict=True):
        assert "number" in cell["class"]
        for pad in cell.select(".unseen"):
            assert pad["aria-hidden"] == "true"
            pad.extract()
        assert cell.get_text() == seen
    assert not any("number" in (cell.get("class") or []) for cell in column(page, 2))


def test_units_stay_behind_their_numbers():
    page = reformed("<table><tbody><tr><td>5 %</td></tr><tr><td>2.5 %</td></tr></tbody></table>")
    assert [cell.get_text() for cell in column(page, 0)] == ["5.0 %", "2.5 %"]


def test_a_wide_table_can_be_laid_out_as_cards():
    page = reformed(LONG.to_html(index=False))
    assert page.div["class"] == ["table-frame", "as-cards"] and page.div["tabindex"] == "0"
    assert [cell["data-label"] for cell in page.select("tbody tr")[0].find_all("td")] == list(LONG)
    assert page.table["role"] == "table" and page.td["role"] == "cell" and page.th["role"] == "columnheader"


def test_a_small_table_stays_a_table():
    page = reformed(NUMBERS.to_html())
    assert page.div["class"] == ["table-frame"] and not page.select("[data-label]")


def test_heads_of_two_rows_are_left_alone():
    frame = pd.DataFrame([[1.5, 2.25]], columns=pd.MultiIndex.from_tuples([("a", "long name" * 3), ("a", "other" * 5)]))
    page = reformed(frame.to_html())
    assert page.div["class"] == ["table-frame"] and len(page.select("thead tr")) == 2


def test_other_html_is_kept_as_it_is():
    kept = '<p title="&lt;table&gt;">a &amp; b</p>', '<iframe srcdoc="&lt;table&gt;"></iframe>'
    text = "<table><tr><td>x</td></tr></table>".join(kept)
    done = tables.reform(text)
    assert done.startswith(f'{kept[0]}<div class="table-frame"') and done.endswith(f"</div>{kept[1]}")


def test_every_table_of_the_book_is_of_that_kind(html):
    frames = 0
    for path in [*(html / "book").glob("*.html"), *(html / "notebooks").glob("*.html")]:
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for table in page.select("article table"):
            assert "table-frame" in table.parent["class"], path.name
            frames += 1
    assert frames > 40
