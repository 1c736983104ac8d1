"""Registrations by the hundred: of a table of your own X-rays, and experiments on simulated ones.

:func:`register_table` registers what a table lists, on one computer or on a cluster. In the experiments every X-ray is
simulated, so its true pose is known. Every random number comes from a seed, so every result can be computed again. This
package imports ``simulate``, ``register``, ``train`` and what they import.
"""

from .example import CAMERA, SOD, make_example, patient_motion
from .judging import errors_of, held_out, judge
from .own_files import example_files
from .table.page import by_group
from .table.rows import TableError
from .table.running import FolderInUseError, register_table
from .table.simulated import write_simulated
from .table.workers import ClusterError, job_script

__all__ = [
    "CAMERA",
    "SOD",
    "ClusterError",
    "FolderInUseError",
    "TableError",
    "by_group",
    "errors_of",
    "example_files",
    "held_out",
    "job_script",
    "judge",
    "make_example",
    "patient_motion",
    "register_table",
    "write_simulated",
]
