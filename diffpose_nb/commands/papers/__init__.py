"""``python -m diffpose_nb.commands.papers`` and ``python -m diffpose_nb.commands.papers.landmarks``: what papers compare."""
