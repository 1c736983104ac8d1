"""How the command ends: what is wrong with the input fits into one line, and the exit status says what happened."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

FOUND, WRONG_INPUT, NOT_FOUND = 0, 2, 3
"""Exit status: the pose was found; the input cannot be used; the pose is doubtful or lost."""


class WrongInput(typer.TyperException):
    """The input cannot be used. The message names the file or option, what was found, and what would mend it."""

    exit_code = WRONG_INPUT


@contextmanager
def wrong_input() -> Iterator[None]:
    """Within it, an error of reading means that the input is wrong. Elsewhere an error is a fault of the program."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise WrongInput(str(error)) from error


class OneLine(TyperGroup):
    """The group of the sub-commands. It prints an error as one line, to which no usage is added."""

    def main(self, *args: Any, standalone_mode: bool = True, **kwargs: Any) -> Any:
        """Run the command, and exit with its status."""
        try:
            status = super().main(*args, standalone_mode=False, **kwargs)
        except typer.TyperException as error:
            if not standalone_mode:
                raise
            print(f"diffpose-nb: {one_line(error.format_message())}", file=sys.stderr)
            sys.exit(WRONG_INPUT)
        except typer.Abort:
            sys.exit(130)
        if not standalone_mode:
            return status
        sys.exit(status if isinstance(status, int) else 0)


def one_line(message: str) -> str:
    """A message without line breaks; the items of a list follow one another."""
    return re.sub(r"\s*\n\s*(- )?", " ", message.strip())
