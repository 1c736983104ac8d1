"""Sphinx extension: methods in code cells link to the reference even if their class is documented under a shorter name.

``dicom.XRay``, for example, is defined in ``dicom.xray`` and documented in ``dicom``. Sphinx knows both names of the
class, but only one name of each of its methods. sphinx-codeautolink looks for the other one, and so finds no link.
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

BEFORE_CODEAUTOLINK = 400  # sphinx-codeautolink reads the map at priority 500


def map_members(app: Sphinx, env: BuildEnvironment) -> None:
    """For each alias of a class, add the aliases of its members to the map of sphinx-codeautolink."""
    entries = env.domains["py"].objects
    for alias, entry in entries.items():
        if entry.aliased:
            documented = entry.node_id
            for name in entries:
                if name.startswith(f"{documented}."):
                    app.config.codeautolink_inventory_map[alias + name.removeprefix(documented)] = name


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-updated", map_members, priority=BEFORE_CODEAUTOLINK)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
