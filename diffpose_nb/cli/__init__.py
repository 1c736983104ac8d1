"""The command ``diffpose-nb``: register your own X-rays without opening a notebook.

Every sub-command is a function in a file of its own. Such a file imports only typer at its top, and what it works with
inside its function, so that ``diffpose-nb --help`` answers at once. No other package imports this one. It may import
all others.
"""
