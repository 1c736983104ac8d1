"""Sphinx extension: search finds a word in either spelling, and shows excerpts without a server.

The book writes "isocentre" and "colour" in prose, "isocenter" and "color" in code. Both the index and what a reader
types are brought to one spelling before they are compared.

A browser does not let a page that was opened from the disk read other files, so Sphinx's search would list its results
without a line from each. For such pages the texts lie in a script, which a page may load.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

SPELLINGS = (
    (r"(cent)re(d|s|)$", r"\1er\2"),  # centre, isocentre
    (r"(fib|calib|lit|met)re(s|)$", r"\1er\2"),  # metre, millimetre
    (r"(col|behavi|neighb|fav|lab|harb)our", r"\1or"),
    (r"(normal|parameter|optim|minim|maxim|regular|initial|discret|voxel|visual|general|organ|collim|util|rasteri|"
     r"synchron|character|emphas|recogn|summar|local|standard|linear|vector|quant)is(e|ed|es|ing|ation|ations|er)$",
     r"\1iz\2"),
    (r"(anal)ys(e|ed|es|ing)$", r"\1yz\2"),
    (r"^gr(e)y", r"gray"),
    (r"(model|label|travel|cancel|level)l(ed|ing)$", r"\1\2"),
    (r"(catal|dial|anal)ogue", r"\1og"),
    (r"(pr)ogramme", r"\1ogram"),
    (r"(alumin)ium", r"\1um"),
    (r"^(an|orthop|p)ae", r"\1e"),
)  # fmt: skip
"""Pattern of British spelling → what stands in its place. Python and JavaScript read these patterns alike."""


BACK = "\\"
"""What a group that was found is referred to by in Python; in JavaScript it is a dollar."""


def one_spelling(word: str) -> str:
    """A word in lower case → the same word as Americans spell it.

    >>> one_spelling("isocentre"), one_spelling("colours"), one_spelling("isocenter")
    ('isocenter', 'colors', 'isocenter')
    """
    for pattern, replacement in SPELLINGS:
        word = re.sub(pattern, replacement, word)
    return word


class BothSpellings(SearchEnglish):
    """English, in which British and American spelling are the same."""

    def stem(self, word: str) -> str:
        return super().stem(one_spelling(word.lower()))

    @property
    def js_stemmer_code(self) -> str:  # type: ignore[override]
        pairs = ", ".join(f"[/{pattern}/, {json.dumps(new.replace(BACK, '$'))}]" for pattern, new in SPELLINGS)
        return f"""{SearchEnglish.js_stemmer_code}
var EnglishStemmer = Stemmer;
Stemmer = function() {{
  var english = new EnglishStemmer(), spellings = [{pairs}];
  this.stemWord = function(word) {{
    for (var pair of spellings) word = word.toLowerCase().replace(pair[0], pair[1]);
    return english.stemWord(word);
  }};
}};
"""


TEXTS = "_static/texts_of_pages.js"
FROM_THE_DISK = """\
if (location.protocol === "file:") {
  // Sphinx asks for each page that it lists; the page's text is at hand already.
  const ask = window.fetch;
  window.fetch = (address, ...rest) => {
    const name = decodeURI(new URL(address, location.href).pathname.split("/").slice(-2).join("/"));
    const text = textsOfPages[name] || textsOfPages[name.split("/").pop()];
    if (text === undefined) return ask(address, ...rest);
    const page = document.createElement("div");
    page.textContent = text;
    return Promise.resolve(new Response('<div role="main">' + page.innerHTML + "</div>"));
  };
}
"""


def keep_text(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Keep what a page says, for :func:`write_texts`."""
    blocks = (nodes.paragraph, nodes.title, nodes.literal_block)
    texts = [node.astext() for node in doctree.findall(lambda node: isinstance(node, blocks))]
    _texts(app)[docname] = " ".join(" ".join(texts).split())


def write_texts(app: Sphinx, exception: Exception | None) -> None:
    """Write the script with the texts of all pages."""
    if exception is not None or app.builder.format != "html":
        return
    texts = {"/".join(f"{docname}.html".split("/")[-2:]): text for docname, text in _texts(app).items()}
    path = Path(app.outdir) / TEXTS
    kept = {}
    if path.exists():  # a second build writes only the pages that changed
        kept = json.loads(path.read_text(encoding="utf-8").partition("=")[2].partition(";\n")[0])
    path.write_text(f"const textsOfPages = {json.dumps(kept | texts)};\n{FROM_THE_DISK}", encoding="utf-8")


def load_texts(app: Sphinx, pagename: str, template: str, context: dict[str, Any], doctree: nodes.document) -> None:
    """Load the script where searches are made."""
    if pagename == "search":
        app.add_js_file(TEXTS.removeprefix("_static/"))


def _texts(app: Sphinx) -> dict[str, str]:
    if not hasattr(app, "texts_of_pages"):
        app.texts_of_pages = {}
    return app.texts_of_pages


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_search_language(BothSpellings)
    app.connect("doctree-resolved", keep_text)
    app.connect("html-page-context", load_texts)
    app.connect("build-finished", write_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
