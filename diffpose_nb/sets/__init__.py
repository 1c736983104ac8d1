"""Public sets of real X-rays with a CT of the same patient, all in one shape.

A set is opened by a function of its name and gives a :class:`PublicSet`: patients, each with a CT, X-rays, and poses to
compare with, of which each says how far it can be trusted. Files are read when they are asked for. Nothing of a set is
part of this project: :func:`fetch` downloads what may be downloaded, and a file that is on the disk already is used.

A file of this package is not named like its set's function: ``sets.wrist`` is in ``biplane/autoscoper.py``.

Imports ``simulate``, ``ct`` and what lies below them.
"""

from .biplane.autoscoper import wrist
from .biplane.markers import beads, paired_beads
from .biplane.twin import wrist_twin
from .errors import SetError, SetNotHereError
from .getting import Remote, data_folder, fetch
from .patient import Patient, Publication, PublicSet, SetXRay, Standard

__all__ = [
    "Patient",
    "PublicSet",
    "Publication",
    "Remote",
    "SetError",
    "SetNotHereError",
    "SetXRay",
    "Standard",
    "beads",
    "data_folder",
    "fetch",
    "paired_beads",
    "wrist",
    "wrist_twin",
]
