"""Commands that are run by ``python -m diffpose_nb.commands.NAME``; most of them make files of ``diffpose_nb/data/``.

No other package imports this one. It may import all others.
"""
