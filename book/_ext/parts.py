"""Sphinx extension: directives for the map of the notebooks, and for lists on the page of a part of the book.

Their content is read from the notebooks themselves and from faq.yml.

```{notebook-map}
```                                   the map of all notebooks
```{part-notebooks} Geometry
```                                   a table of the part's notebooks: what each needs, how long it takes
```{part-questions} Geometry
```                                   the questions of faq.yml that the part's notebooks answer, with links
"""

from __future__ import annotations

import re
from abc import abstractmethod
from pathlib import Path

import notebook_map
import yaml
from docutils import nodes
from docutils.statemachine import StringList
from reading import Notebook, anchor, parts
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


def table(notebooks: list[Notebook]) -> list[str]:
    """Lines of Markdown: a table of the notebooks, for a page in the folder book/."""
    lines = ["| Notebook | What you need first | To run | To read |", "|---|---|---|---|"]
    for notebook in notebooks:
        first = notebook.first.replace("\n", " ").replace("|", r"\|").replace("(../book/", "(")
        first = re.sub(r"\]\((\d\d_\w+\.ipynb)", r"](../notebooks/\1", first)
        link = f"[{notebook.stem[:2]} {notebook.title}](../notebooks/{notebook.stem}.ipynb)"
        lines.append(f"| {link} | {first} | {notebook.to_run} | {notebook.to_read} |")
    return lines


def questions(root: Path, notebooks: list[Notebook]) -> list[str]:
    """Lines of Markdown: the questions of faq.yml that these notebooks answer, each a link to its answer."""
    stems = {notebook.stem for notebook in notebooks}
    themes = yaml.safe_load((root / "book" / "faq.yml").read_text(encoding="utf-8"))
    entries = [entry for theme in themes for entry in theme["questions"] if entry.get("notebook") in stems]
    entries.sort(key=lambda entry: entry["notebook"])
    return [f"- [{entry['question']}]({_link(entry)})" for entry in entries]


def _link(entry: dict[str, str]) -> str:
    return f"../notebooks/{entry['notebook']}.ipynb#{anchor(entry['heading'])}"


class _OfThePart(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    @abstractmethod
    def lines(self, root: Path, notebooks: list[Notebook]) -> list[str]:
        """Lines of Markdown about the notebooks of the part."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        known = parts(root)
        if self.arguments[0] not in known:
            raise self.error(f"no part {self.arguments[0]!r} in book/_toc.yml: there are {', '.join(known)}")
        notebooks = known[self.arguments[0]]
        for file in ["book/_toc.yml", "book/faq.yml", *(f"notebooks/{each.stem}.ipynb" for each in notebooks)]:
            self.env.note_dependency(str(root / file))
        holder = nodes.container(classes=["of-the-part"])
        self.state.nested_parse(StringList(self.lines(root, notebooks), "parts"), self.content_offset, holder)
        return [holder]


class PartNotebooks(_OfThePart):
    """The directive for the table of a part's notebooks."""

    def lines(self, root: Path, notebooks: list[Notebook]) -> list[str]:
        return table(notebooks)


class PartQuestions(_OfThePart):
    """The directive for the questions that a part answers."""

    def lines(self, root: Path, notebooks: list[Notebook]) -> list[str]:
        return questions(root, notebooks)


class NotebookMap(SphinxDirective):
    """The directive for the map of the notebooks.

    The SVG becomes an element of the page rather than a file, so that its links work and its colours are the page's.
    """

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        known = parts(root)
        for notebook in (each for notebooks in known.values() for each in notebooks):
            self.env.note_dependency(str(root / f"notebooks/{notebook.stem}.ipynb"))
        return [nodes.raw("", notebook_map.draw(known), format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("notebook-map", NotebookMap)
    app.add_directive("part-notebooks", PartNotebooks)
    app.add_directive("part-questions", PartQuestions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
