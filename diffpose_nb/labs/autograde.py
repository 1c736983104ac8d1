"""What nbgrader executes submissions with; its configuration names it. Needs the extra ``labs``."""

from __future__ import annotations

from nbgrader.preprocessors import Execute

from .execution import Fenced


class FencedExecute(Fenced, Execute):
    """nbgrader's own, inside the fence. ``c.FencedExecute.timeout`` is the longest that a cell may run, s."""
