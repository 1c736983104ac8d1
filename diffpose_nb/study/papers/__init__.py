"""What papers on 2D/3D registration compare, run on X-rays of the example CT: methods, parameterisations, losses.

``python -m diffpose_nb.commands.papers`` runs them and writes the small tables of ``diffpose_nb/data/`` that the
notebook on the papers' figures draws.
"""
