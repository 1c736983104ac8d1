"""The steps of nbgrader's commands for this course. ``nbgrader_config.py`` names them. Needs the extra ``labs``."""

from __future__ import annotations

from nbgrader.converters import Autograde, GenerateAssignment, GenerateSolution
from nbgrader.preprocessors import Execute, InstantiateTests

from .execution import Fenced


class FencedExecute(Fenced, Execute):
    """nbgrader's own, inside the fence. ``c.FencedExecute.timeout`` is the longest that a cell may run, s."""


AUTOGRADE = [FencedExecute if each is Execute else each for each in Autograde.autograde_preprocessors.default()]
"""Steps of ``nbgrader autograde``: its own, but submissions are executed inside the fence."""
ASSIGNMENT = [each for each in GenerateAssignment.preprocessors.default() if each is not InstantiateTests]
"""Steps of ``nbgrader generate_assignment``: its own but one. That one starts a kernel to write tests by templates, and
the tests of these labs are written out."""
SOLUTION = [each for each in GenerateSolution.preprocessors.default() if each is not Execute]
"""Steps of ``nbgrader generate_solution``: its own, but the instructor version is not executed. A teacher who
executes it gets the numbers of their own user name."""
