"""What is run by ``python -m diffpose_nb.commands.NAME``: it makes again what ships in ``diffpose_nb/data/``.

Nothing else imports these. Imports everything.
"""
