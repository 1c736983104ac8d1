"""Sphinx extension: the registration by hand on the first page.

```{carm-registration}
what is shown where the browser has no WebGL2
```
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from diffpose_nb.widgets import element


class CArmRegistration(SphinxDirective):
    """The directive for the element; its content is the still."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        self.assert_has_content()
        still = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, still)
        before, after = (nodes.raw("", text, format="html") for text in element.registration())
        return [before, *still.children, after]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("carm-registration", CArmRegistration)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
