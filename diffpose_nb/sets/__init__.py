"""Public sets of real X-rays with a CT of the same patient, all in one shape.

A set is opened by a function of its name and gives a :class:`PublicSet`: patients, each with a CT, X-rays, and poses to
compare with, of which each says how far it can be trusted. Files are read when they are asked for. Nothing of a set is
part of this project: :func:`fetch` downloads what may be downloaded, and a file that is on the disk already is used.

A file of this package is not named like its set's function: ``sets.wrist`` is in ``biplane/autoscoper.py``,
``sets.deepfluoro`` in ``pelvis.py``, ``sets.ljubljana`` in ``angiograms.py``, ``sets.xvr`` in ``pairs.py``.

A twin (:func:`deepfluoro_twin`, :func:`ljubljana_twin`, :func:`wrist_twin`) has a set's published schema and is made
from the example CT, so that everything that reads the set runs where the set is not.

Imports ``simulate``, ``ct`` and what lies below them.
"""

from .angiograms import ljubljana
from .biplane.autoscoper import wrist
from .biplane.markers import beads, paired_beads
from .biplane.twin import wrist_twin
from .errors import SetError, SetNotHereError
from .getting import Remote, data_folder, fetch
from .pairs import xvr
from .patient import Patient, Publication, PublicSet, SetXRay, Standard
from .pelvis import deepfluoro
from .twins.heads import ljubljana_twin
from .twins.pelves import deepfluoro_twin

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
    "deepfluoro",
    "deepfluoro_twin",
    "fetch",
    "ljubljana",
    "ljubljana_twin",
    "paired_beads",
    "wrist",
    "wrist_twin",
    "xvr",
]
