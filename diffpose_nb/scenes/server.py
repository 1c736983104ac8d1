"""A PyVista scene that the kernel draws while it is turned (trame), and what stands in where no server is reached.

The server that draws belongs to the kernel and listens on a port of its machine. JupyterLab reaches it through
jupyter-server-proxy or, on the same machine, directly. Which of the two works only the browser can tell; so the browser
tries both, and keeps the stand-in if neither answers.
"""

from __future__ import annotations

import base64
import html
import json
import os
import socket
import sys
from collections.abc import Mapping
from io import BytesIO

import numpy as np
import PIL.Image
import pyvista as pv
from IPython import get_ipython
from IPython.display import HTML

from ..runtime import script
from .page import page as viewer_page
from .stage import quiet_vtk

STATIC = "DIFFPOSE_NB_STATIC"
"""The environment variable that, set to 1, turns controls into what works without a kernel."""
_PLACES = {
    "COLAB_RELEASE_TAG": "Colab",
    "BINDER_SERVICE_HOST": "Binder",
    "VSCODE_PID": "VS Code",
    "VSCODE_CWD": "VS Code",
}
"""Environment variables of a kernel → who started it."""
_WAIT = 10.0  # seconds that the browser tries to reach the server, which starts when the cell has ended


def live(plotter: pv.Plotter, alt: str, *, page: str | None = None, height: int = 480) -> HTML:
    """A scene to turn: drawn by the kernel where its server can be reached (JupyterLab), else by the browser.

    Parameters
    ----------
    plotter
        Of :func:`carm` or any other. For the server it stays open; where there is none it is closed.
    alt
        A sentence that says what the scene shows, for those who do not see it.
    page
        What stands in where no server can be reached: a page of :func:`interactive`. Default the same scene as the
        browser draws it by itself or, if it has flat labels, which a browser cannot draw, a still.
    height
        On the page, pixels.

    Returns
    -------
    IPython.display.HTML
        Where the stand-in is shown, a sentence under it says why, and what to do for the other.

    Raises
    ------
    ValueError
        ``alt`` is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence what the scene shows")
    reason = unreachable(os.environ)
    with quiet_vtk():
        picture = plotter.screenshot(return_img=True)
    turns = page is not None or all(isinstance(actor, pv.Actor) for actor in plotter.renderer.actors.values())
    if page is None:
        page = viewer_page(plotter, [()], {}, [_jpeg(picture)]) if turns else _still_page(picture, alt)
    shown = "Your browser draws this scene by itself" if turns else "This is a still of the scene"
    settings = {"shown": shown, "wait": _WAIT, "addresses": []}
    if reason is None:
        settings["addresses"] = _addresses(*_serve(plotter))
    else:
        plotter.close()
    return HTML(
        f'<div class="dp-scene" data-settings="{html.escape(json.dumps(settings))}">'
        f'<iframe title="{html.escape(alt)}" srcdoc="{html.escape(page)}" '
        f'style="width: 100%; height: {height}px; border: 0; background: white"></iframe>'
        f'<p role="status">{html.escape(f"{shown}: {reason}") if reason else ""}</p>'
        f"{script(__package__, 'live.js')}</div>"
    )


def unreachable(environment: Mapping[str, str]) -> str | None:
    """Why a page cannot reach a server of this kernel, and what would mend it; None if it may.

    Parameters
    ----------
    environment
        The kernel's, ``os.environ``.
    """
    if environment.get(STATIC) == "1":
        return "there is no kernel behind a page of the book. In JupyterLab the kernel draws it."
    place = next((place for name, place in _PLACES.items() if name in environment), None)
    if "google.colab" in sys.modules:
        place = "Colab"
    if place is not None:
        return f"{place} does not let it reach the kernel's own server. Open the notebook in JupyterLab for that."
    if getattr(get_ipython(), "kernel", None) is None:
        return "it was not made in a Jupyter kernel. In JupyterLab the kernel draws it."
    return None


def _serve(plotter: pv.Plotter) -> tuple[int, str]:
    """Port of the server, one a kernel, and the plotter's name on it. It starts when the kernel's loop goes on."""
    try:
        from trame_pyvista.jupyter import initialize, launch_server
    except ImportError:  # PyVista before 0.48
        from pyvista.trame.jupyter import initialize, launch_server
    server = launch_server(port=_Port.number())
    initialize(server, plotter, mode="trame", default_server_rendering=True, collapse_menu=True)
    return _Port.number(), plotter._id_name


class _Port:
    """A port is chosen here, since the server would know its own only once it runs."""

    _number: int | None = None

    @classmethod
    def number(cls) -> int:
        if cls._number is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                cls._number = probe.getsockname()[1]
        return cls._number


def _addresses(port: int, name: str) -> list[str]:
    """Where the browser is to look, in order; BASE is the Jupyter server's own address."""
    query = f"{port}/index.html?ui={name}&reconnect=auto"
    return [f"BASEproxy/{query}", f"http://localhost:{query}"]


def _jpeg(picture: np.ndarray) -> bytes:
    buffer = BytesIO()
    PIL.Image.fromarray(picture).save(buffer, "jpeg", quality=85)
    return buffer.getvalue()


def _still_page(picture: np.ndarray, alt: str) -> str:
    url = f"data:image/jpeg;base64,{base64.b64encode(_jpeg(picture)).decode()}"
    style = "position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain"
    return f'<!doctype html><img src="{url}" alt="{html.escape(alt)}" style="{style}">'
