import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from diffpose_nb import exercises

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
every_exercise = pytest.mark.parametrize("name", exercises.EXERCISES)


@every_exercise
def test_the_right_answer_is_right(name):
    exercise = exercises.EXERCISES[name]()
    for answer in (exercise.answer, np.float32(exercise.answer), torch.tensor(exercise.answer)):
        verdict = exercises.check(name, answer)
        assert verdict.right
        assert repr(verdict).startswith("Right")
        assert exercise.unit in repr(verdict)


@every_exercise
def test_the_usual_mistakes_are_named(name):
    exercise = exercises.EXERCISES[name]()
    assert exercise.mistakes
    for mistake in exercise.mistakes:
        verdict = exercises.check(name, mistake.answer)
        assert not verdict.right
        assert mistake.hint in repr(verdict), "another answer is too close to this mistake"


@every_exercise
@pytest.mark.parametrize("answer", [..., None, "seven", [1, 2], float("nan"), 1e9])
def test_anything_else_is_not_yet(name, answer):
    verdict = exercises.check(name, answer)
    assert not verdict.right
    assert repr(verdict).startswith("Not yet")


def test_an_unknown_exercise_is_refused():
    with pytest.raises(ValueError, match=r"'99-none'.*00-depth"):
        exercises.check("99-none", 1)


@pytest.mark.parametrize("path", sorted((NOTEBOOKS / "solutions").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_solutions_are_right(path):
    """Run, and each exercise's cell ends in a verdict that says so."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    verdicts = [
        output["data"]["text/plain"]
        for cell in notebook.cells
        if "exercise" in cell.metadata.get("tags", [])
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    asked = {
        name
        for cell in nbformat.read(NOTEBOOKS / path.name, as_version=4).cells
        for name in re.findall(r'exercises\.check\("([\w-]+)"', cell.source)
    }
    assert len(verdicts) == len(asked) > 0
    assert all(verdict.startswith("Right") for verdict in verdicts), verdicts


def test_every_exercise_is_asked_somewhere():
    asked = {
        name
        for path in NOTEBOOKS.glob("*.ipynb")
        for name in re.findall(r'check\(\\"([\w-]+)', path.read_text("utf-8"))
    }
    assert asked == set(exercises.EXERCISES)
