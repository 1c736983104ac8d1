"""nbgrader's configuration of the course. This folder is the course's folder: run nbgrader's commands in it."""

from diffpose_nb.labs import steps

c = get_config()  # noqa: F821 - nbgrader reads this file with it

c.CourseDirectory.course_id = "where_was_the_c_arm"
c.IncludeHeaderFooter.header = "source/header.ipynb"
c.ClearSolutions.code_stub = {"python": "# your answer goes here"}
c.ClearSolutions.text_stub = "*Your answer goes here.*"
c.GenerateAssignment.preprocessors = steps.ASSIGNMENT
c.GenerateSolution.preprocessors = steps.SOLUTION

# Submissions are executed inside a fence, and no cell runs longer than this, in s.
c.Autograde.autograde_preprocessors = steps.AUTOGRADE
c.FencedExecute.timeout = 120
