"""Scenes of the book share one copy of their viewer."""

import html as markup
import re
from types import SimpleNamespace

import one_viewer
import pytest
from docutils import nodes

from diffpose_nb.scenes.page import empty_viewer

PAGE = empty_viewer().replace("<body>", "<body>\n<p title='it'>\"Tom & Jerry\"</p>", 1)
PIECE = re.search(r"[\w+/]{400}", one_viewer.viewer()[1]).group()
"""Of the viewer: letters that look the same wherever they stand."""


@pytest.mark.parametrize(
    "quoted", [f'"{markup.escape(PAGE)}"', "'" + PAGE.replace("&", "&amp;").replace("'", "&#39;") + "'"]
)
def test_only_the_viewer_is_taken_out(quoted):
    output = f"<p>before</p><iframe title=\"one\" srcdoc={quoted} style='x'></iframe>"
    shared = one_viewer.with_shared_viewer(output, "../")
    assert PIECE not in shared and len(shared) < 3000
    assert shared.startswith("<p>before</p><iframe") and shared.endswith(" style='x'></iframe>")
    page = markup.unescape(one_viewer.FRAME.search(shared)[2])
    script = '<script defer src="../_static/scene_viewer.js"></script>'
    assert page == PAGE.replace(one_viewer.viewer()[0], script) and script in page


def test_other_frames_stay_as_they_are():
    output = '<iframe srcdoc="&lt;script type=&quot;module&quot;&gt;1&lt;/script&gt;"></iframe>'
    assert one_viewer.with_shared_viewer(output, "") == output


def test_the_book_has_it_once(html):
    assert PIECE in (html / one_viewer.FILE).read_text(encoding="utf-8")
    pages = {path.name: path.read_text(encoding="utf-8") for path in (html / "notebooks").glob("*.html")}
    assert not [name for name, text in pages.items() if PIECE in text]
    assert [name for name, text in pages.items() if one_viewer.FILE in text], "no page has a scene"


def test_a_page_keeps_a_whole_tree():
    """Later transforms ask a text for the node in which it is."""
    page = nodes.container("", nodes.raw("", f'<iframe srcdoc="{markup.escape(PAGE)}"></iframe>', format="html"))
    one_viewer.share(SimpleNamespace(env=SimpleNamespace(docname="notebooks/03")), page)
    (text,) = page.findall(nodes.Text)
    assert isinstance(text.parent, nodes.raw) and "../_static/scene_viewer.js" in text.astext()
