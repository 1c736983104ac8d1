"""The page of the command is what its help says."""

import importlib.util

from the_book import BOOK

from diffpose_nb.cli.app import app


def test_the_page_is_made_of_the_help():
    spec = importlib.util.spec_from_file_location("make_command", BOOK / "make_command.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (BOOK / "command.md").read_text(encoding="utf-8") == module.page(), "python book/make_command.py"
    assert {command.callback.__name__ for command in app.registered_commands} == set(module.COMMANDS)
