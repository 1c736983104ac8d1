"""``python book/format_assets.py`` formats scripts and style sheets of package and book; ``make format`` calls it."""

from __future__ import annotations

from pathlib import Path

import cssbeautifier
import jsbeautifier

ROOT = Path(__file__).parents[1]
ASSETS = sorted((ROOT / "diffpose_nb").glob("*/assets/*")) + sorted((ROOT / "book" / "_static").glob("*.js"))
SCRIPT = {"indent_size": 2, "end_with_newline": True, "wrap_line_length": 120}
SCRIPT |= {"brace_style": "collapse,preserve-inline"}
STYLE = {"indent_size": 2, "end_with_newline": True, "newline_between_rules": False}


def laid_out(text: str, suffix: str) -> str:
    """Format the text of a script (".js") or of a style sheet (".css")."""
    if suffix == ".js":
        options = jsbeautifier.default_options()
        vars(options).update(SCRIPT)
        return jsbeautifier.beautify(text, options)
    return cssbeautifier.beautify(text, {"css": STYLE} | STYLE)


if __name__ == "__main__":
    for path in ASSETS:
        path.write_text(laid_out(path.read_text(encoding="utf-8"), path.suffix), encoding="utf-8")
