"""Sphinx extension: below each exercise of a notebook, a field that checks an answer, and the solution, folded.

Both are put into the notebook's text when it is read, as one more Markdown cell after the cell of the exercise. The
files stay as they are, and nothing is executed again, since the cache of the executed notebooks knows code cells only.
What is right, and the usual mistakes, come from ``diffpose_nb.exercises``, the solution from the notebook in
``notebooks/solutions``. The script that checks is ``_static/answers.js``.
"""

from __future__ import annotations

import ast
import base64
import html
import json
import posixpath
import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from diffpose_nb import exercises

CHECK = re.compile(r'exercises\.check\(\s*"([\w-]+)"')
LINK = re.compile(r"(\]\()([^)\s#][^)\s]*)")


def add_answers(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add a cell after each exercise of a notebook; ``source`` is a list with its text, which is replaced."""
    path = Path(app.env.doc2path(docname))
    solution = path.parent / "solutions" / path.name
    if path.suffix != ".ipynb" or not solution.exists():
        return
    app.env.note_dependency(str(solution))
    solved = solutions(json.loads(solution.read_text(encoding="utf-8"))["cells"])
    notebook = json.loads(source[0])
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        name = exercise_of(cell)
        if name is not None:
            if name not in solved:
                raise ExtensionError(f"{solution.name} has no solution of {name}, an exercise of {path.name}")
            text = f"{field(name, path.name)}\n\n::::{{dropdown}} Solution\n{solved[name]}\n::::"
            cells.append({"cell_type": "markdown", "id": f"answer-{name}", "metadata": {}, "source": text})
    source[0] = json.dumps(notebook | {"cells": cells})


def exercise_of(cell: dict) -> str | None:
    """The name of the exercise that a cell checks; ``None`` if it is not the cell of an exercise."""
    if "exercise" not in cell["metadata"].get("tags", []):
        return None
    return CHECK.search("".join(cell["source"])).group(1)


def field(name: str, notebook: str) -> str:
    """The field for an answer, in MyST Markdown.

    An answer that is not one number cannot be checked in the page. Then it is a sentence that leads to the notebook.
    """
    exercise = exercises.EXERCISES[name]()
    if not isinstance(exercise.answer, int | float):
        return (
            "The answer is more than one number, so this page cannot check it: "
            f"{{download}}`the notebook <{notebook}>` does."
        )
    known = {
        "answer": exercise.answer,
        "tolerance": exercise.tolerance,
        "unit": exercise.unit,
        "right": exercises.check(name, exercise.answer).message,
        "mistakes": [
            {"answer": each.answer, "tolerance": each.tolerance or exercise.tolerance, "hint": each.hint}
            for each in exercise.mistakes
        ],
    }
    packed = base64.b64encode(json.dumps(known, allow_nan=False).encode()).decode()  # not to be read by accident
    return (
        f'```{{raw}} html\n<form class="answer" data-exercise="{packed}" hidden>'
        f'<label>Your answer <input type="text" inputmode="decimal" autocomplete="off"> {html.escape(exercise.unit)}'
        '</label> <button type="submit">Check</button><p role="status"></p></form>'
        "<noscript><p>This page can check an answer if scripts are switched on.</p></noscript>\n```"
    )


def solutions(cells: list[dict]) -> dict[str, str]:
    """Name of an exercise → its solution as MyST Markdown, from the cells of a notebook of solutions.

    A solution is everything between its heading and the next one. Imports are left out; what else the first code cell
    prepares stands before the code that uses it.
    """
    prepared, *_ = (_without_imports("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code")
    found, name, parts = {}, None, []
    for kind, text, exercise in _pieces(cells):
        if kind == "heading":
            name, parts = None, []
        elif kind == "text":
            parts.append(LINK.sub(_from_the_folder_above, text))
        elif exercise is not None:
            name = exercise
            code = f"{prepared}\n\n{text}" if prepared else text
            right = exercises.check(name, exercises.EXERCISES[name]().answer).message
            parts += [f"```python\n{code}\n```", f"**{right}**"]
        if name is not None:
            found[name] = "\n\n".join(parts)
    return found


def _pieces(cells: list[dict]):
    """Headings, texts and code in their order, as (kind, text, name of the exercise)."""
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            yield "code", text, exercise_of(cell)
            continue
        for piece in re.split(r"^(#+ .*)$", text, flags=re.MULTILINE):
            if piece.strip():
                yield "heading" if piece.startswith("#") else "text", piece.strip(), None


def _without_imports(code: str) -> str:
    lines = code.splitlines()
    for node in ast.parse(code).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return "\n".join(lines).strip()


def _from_the_folder_above(link: re.Match) -> str:
    target = link.group(2)
    if re.match(r"[a-z]+:", target):
        return link.group()
    return link.group(1) + posixpath.normpath(posixpath.join("solutions", target))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", add_answers)
    app.add_js_file("answers.js", loading_method="defer")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
