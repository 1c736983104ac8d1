"""The sub-commands of ``diffpose-nb``."""

from __future__ import annotations

import typer

from .describing import describe
from .errors import OneLine
from .registering import register
from .studying import study
from .training import train

app = typer.Typer(
    name="diffpose-nb",
    cls=OneLine,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def main() -> None:
    """From a CT and an X-ray of the same patient to the pose of the C-arm. Not for clinical use."""


app.command()(describe)
app.command()(register)
app.command()(train)
app.command()(study)
