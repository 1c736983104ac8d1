"""How the command ends: with one line if the input is wrong, and with an exit status that says what happened."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

FOUND, WRONG_INPUT, NOT_FOUND, INTERRUPTED = 0, 2, 3, 130
"""Exit status: the pose was found; the input cannot be used; the pose is doubtful or lost; Ctrl-C."""
_ARGUMENTS = (
    "sid|sod|primary|secondary|pixel_spacing|principal_point|frame|values|bright|mirrored|hounsfield|resample_labels|"
    "overwrite|structures"
)
"""Arguments of functions that are options of the command too, with hyphens in their names."""


class WrongInput(typer.TyperException):
    """The input cannot be used. The message names the file or option, what was found, and what would mend it."""

    exit_code = WRONG_INPUT


@contextmanager
def wrong_input(what: str = "") -> Iterator[None]:
    """A context in which an error of reading becomes :class:`WrongInput`: one line about the file, without a traceback.

    Only the reading of files stands in such a context. An error anywhere else is a fault of the program.

    Parameters
    ----------
    what
        What is read, for messages that do not name it.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        text = str(error)
        raise WrongInput(text if not what or what in text else f"{what}: {text}") from error


@contextmanager
def watching_interrupts() -> Iterator[list[int]]:
    """A context that gives a list, to which a number is added whenever the user presses Ctrl-C.

    A refinement that is interrupted returns the best pose so far. A notebook shows this pose. A command looks at the
    list and ends instead.
    """
    pressed: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


class OneLine(TyperGroup):
    """The group of the sub-commands. It prints an error as one line, to which no usage is added.

    ``line`` holds the words after the command's name, so that a report can show them.
    """

    line: Sequence[str] = ()

    def main(self, args: Sequence[str] | None = None, *, standalone_mode: bool = True, **kwargs: Any) -> Any:
        """Run the command, and exit with its status."""
        self.line = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):  # a console that lacks a sign, such as ×, shows ? instead of failing
                stream.reconfigure(errors="replace")
        try:
            status = super().main(args, standalone_mode=False, **kwargs)
        except typer.TyperException as error:
            if not standalone_mode:
                raise
            print(f"diffpose-nb: {one_line(error.format_message())}", file=sys.stderr)
            sys.exit(WRONG_INPUT)
        except (typer.Abort, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        if not standalone_mode:
            return status
        sys.exit(status if isinstance(status, int) else 0)


def one_line(message: str) -> str:
    """A message without line breaks, in which arguments are called as the options of the command are."""
    text = re.sub(r"\s*\n\s*(- )?", " ", message.strip())
    text = re.sub(rf"\b({_ARGUMENTS})=\(([^)]*)\)", lambda m: f"{_option(m[1])} {m[2].replace(', ', ',')}", text)
    text = re.sub(rf"\b({_ARGUMENTS})=True", lambda m: _option(m[1]), text)
    text = re.sub(rf"\b({_ARGUMENTS})=(?=\S)", lambda m: f"{_option(m[1])} ", text)
    return re.sub(rf"(?<![-\w])({_ARGUMENTS}) is missing", lambda m: f"{_option(m[1])} is missing", text)


def _option(argument: str) -> str:
    return "--" + argument.replace("_", "-")
