"""nbgrader's steps as this course takes them; its configuration names them. Needs the extra ``labs``."""

from __future__ import annotations

from nbgrader.converters import Autograde, GenerateAssignment, GenerateSolution
from nbgrader.preprocessors import Execute, InstantiateTests

from .execution import Fenced


class FencedExecute(Fenced, Execute):
    """nbgrader's own, inside the fence. ``c.FencedExecute.timeout`` is the longest that a cell may run, s."""


AUTOGRADE = [FencedExecute if each is Execute else each for each in Autograde.autograde_preprocessors.default()]
"""Submissions are executed inside the fence."""
ASSIGNMENT = [each for each in GenerateAssignment.preprocessors.default() if each is not InstantiateTests]
"""Every test is written out in the source, so no kernel has to be started to make them."""
SOLUTION = [each for each in GenerateSolution.preprocessors.default() if each is not Execute]
"""The instructor version comes unexecuted: whoever grades has numbers of their own in it, under their own name."""
