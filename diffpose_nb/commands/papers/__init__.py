"""What papers compare: ``python -m diffpose_nb.commands.papers``, and ``papers.landmarks`` for one of its methods."""
