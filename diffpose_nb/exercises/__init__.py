"""Checks of answers: exercises with a number for an answer, and questions with a choice of answers.

An answer to an exercise is right or not yet right, and a usual mistake is explained. The exercises of a notebook are in
the sheet with the same number, its questions in ``quizzes.yml``. Some exercises have variants: other numbers for each
student of a course. This package imports ``data``, ``dicom``, ``runtime`` and ``simulate``.
"""

from .answers import Exercise, Mistake
from .checking import EXERCISES, Verdict, check
from .quizzes import Choice, Question, questions, quiz
from .variants import VARIANTS, draw, given

__all__ = [
    "EXERCISES",
    "VARIANTS",
    "Choice",
    "Exercise",
    "Mistake",
    "Question",
    "Verdict",
    "check",
    "draw",
    "given",
    "questions",
    "quiz",
]
