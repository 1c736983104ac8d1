"""Questions with a choice of answers, as one piece of HTML that says at once why an answer is right or wrong.

The questions are in ``quizzes.yml``. The HTML works wherever the output of a cell is shown: in JupyterLab, in Colab, in
the book, without a kernel and without the web. If scripts are switched off, each question has its answers, and what is
to be said about them is folded below.
"""

from __future__ import annotations

import hashlib
import html
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml
from IPython.display import HTML

from ..runtime import script, style


@dataclass(frozen=True)
class Choice:
    """One answer to a question.

    Parameters
    ----------
    answer
        The answer, a sentence or a few words. Between backticks stands code, between asterisks what is emphasised.
    why
        Why it is right, or why it is wrong.
    right
        Whether it is the right one.
    """

    answer: str
    why: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with one right answer.

    Parameters
    ----------
    question
        The question, with the same marks.
    goal
        The learning goal that it belongs to, one of *What you will be able to do* at the top of the notebook.
    choices
        The answers in the order in which they are shown.
    """

    question: str
    goal: str
    choices: tuple[Choice, ...]


def questions(notebook: str) -> tuple[Question, ...]:
    """The questions of a notebook.

    Parameters
    ----------
    notebook
        The number of the notebook in two digits, such as "03".

    Raises
    ------
    ValueError
        There are no questions for this notebook.
    """
    known = _all()
    if notebook not in known:
        raise ValueError(f"no questions for notebook {notebook!r}: there are some for {', '.join(known)}")
    return known[notebook]


def quiz(notebook: str) -> HTML:
    """The questions of a notebook, to be answered by a click or a key.

    Parameters
    ----------
    notebook
        The number of the notebook in two digits, such as "03".

    Returns
    -------
    IPython.display.HTML
        It loads nothing from the web, keeps nothing, and is the same every time.

    Raises
    ------
    ValueError
        There are no questions for this notebook.
    """
    body = "".join(_fieldset(number, question) for number, question in enumerate(questions(notebook), start=1))
    # The attribute makes JupyterLab leave the keys to the buttons, instead of going to the next cell.
    return HTML(
        f'<div class="dp-quiz" data-lm-suppress-shortcuts="true">{style(__package__, "quiz.css")}'
        f"{body}{script(__package__, 'quiz.js')}</div>"
    )


@cache
def _all() -> dict[str, tuple[Question, ...]]:
    text = (files(__package__) / "quizzes.yml").read_text(encoding="utf-8")
    return {notebook: tuple(map(_question, entries)) for notebook, entries in yaml.safe_load(text).items()}


def _question(entry: dict) -> Question:
    choices = [Choice(**entry["right"], right=True), *(Choice(**wrong) for wrong in entry["wrong"])]
    # Shuffled, and the same in every build of the book and on every computer.
    choices.sort(key=lambda choice: hashlib.sha256((entry["question"] + choice.answer).encode()).digest())
    return Question(entry["question"], entry["goal"], tuple(choices))


def _fieldset(number: int, question: Question) -> str:
    answers = "".join(f"<li>{_marked_up(choice.answer)}</li>" for choice in question.choices)
    reasons = "".join(
        f'<li class="dp-{"right" if choice.right else "wrong"}">'
        f"<b>{'Right.' if choice.right else 'Not this one.'}</b> {_marked_up(choice.why)}</li>"
        for choice in question.choices
    )
    return (
        f"<fieldset><legend><b>{number}.</b> {_marked_up(question.question)}</legend>"
        f'<ol class="dp-choices">{answers}</ol>'
        f'<details><summary>Which answer is right, and why</summary><ol class="dp-reasons">{reasons}</ol></details>'
        f'<p class="dp-goal">What it is about: {_marked_up(question.goal)}</p></fieldset>'
    )


def _marked_up(text: str) -> str:
    text = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", re.sub(r"`([^`]+)`", r"<code>\1</code>", text))
