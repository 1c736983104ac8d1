"""A PyVista scene that the kernel draws while the reader turns it, with a substitute for pages without a server.

The server (trame) that draws the scene belongs to the kernel and listens on a port of the kernel's machine. A browser
with JupyterLab reaches it through jupyter-server-proxy or, on the same machine, directly. Only the browser can find out
which of the two ways works. So it tries both, and goes on showing the substitute if neither answers.
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
"""Name of an environment variable. If it is 1, controls are replaced by something that works without a kernel."""
_PLACES = {
    "COLAB_RELEASE_TAG": "Colab",
    "BINDER_SERVICE_HOST": "Binder",
    "VSCODE_PID": "VS Code",
    "VSCODE_CWD": "VS Code",
}
"""Environment variables that reveal where a kernel runs → name of that place."""
_WAIT = 10.0  # seconds for which the browser tries to reach the server, which starts only when the cell has ended


def live(plotter: pv.Plotter, alt: str, *, page: str | None = None, height: int = 480) -> HTML:
    """A scene that the reader can turn.

    The kernel draws it if the browser can reach the kernel's server, as in JupyterLab. Otherwise the reader sees a
    substitute that needs no server.

    Parameters
    ----------
    plotter
        The scene, from :func:`carm` or any other PyVista plotter. It stays open for the server; if there is no server,
        it is closed.
    alt
        A sentence that says what the scene shows, for readers who cannot see it.
    page
        The substitute: a page of :func:`interactive`. By default it is the same scene, drawn by the browser. If the
        scene has flat labels, which a browser cannot draw, it is a still picture.
    height
        Height on the page, pixels.

    Returns
    -------
    IPython.display.HTML
        The scene. If the substitute is shown, a sentence below it says why, and how to have the kernel draw the scene.

    Raises
    ------
    ValueError
        If ``alt`` is empty.
    """
    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence what the scene shows")
    reason = unreachable(os.environ)
    with quiet_vtk():
        picture = plotter.screenshot(return_img=True)
    turns = page is not None or all(isinstance(actor, pv.Actor) for actor in plotter.renderer.actors.values())
    if page is None:
        page = viewer_page(plotter, [()], [], [_jpeg(picture)]) if turns else _still_page(picture, alt)
    shown = "Your browser draws this scene by itself" if turns else "This is a still of the scene"
    settings = {"shown": shown, "wait": _WAIT, "addresses": []}
    if reason is None:
        settings["addresses"] = _addresses(*_serve(plotter))
    else:
        plotter.close()
    return HTML(
        f'<div class="dp-scene" data-settings="{html.escape(json.dumps(settings))}">'
        f'<iframe title="{html.escape(alt)}" srcdoc="{html.escape(page)}" '
        f'style="width: 100%; height: {height}px; border: 0; border-radius: 4px"></iframe>'
        f'<p role="status">{html.escape(f"{shown}: {reason}") if reason else ""}</p>'
        f"{script(__package__, 'live.js')}</div>"
    )


def unreachable(environment: Mapping[str, str]) -> str | None:
    """The reason why a page cannot reach a server of this kernel, and a remedy; None if it may be able to.

    Parameters
    ----------
    environment
        Environment variables of the kernel, ``os.environ``.
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
    """Launch the server, of which a kernel has one, and return its port and the plotter's name on it.

    The server starts when the event loop of the kernel goes on, which is after the cell.
    """
    try:
        from trame_pyvista.jupyter import initialize, launch_server
    except ImportError:  # PyVista before 0.48
        from pyvista.trame.jupyter import initialize, launch_server
    server = launch_server(port=_Port.number())
    initialize(server, plotter, mode="trame", default_server_rendering=True, collapse_menu=True)
    return _Port.number(), plotter._id_name


class _Port:
    """The port of the kernel's server.

    It is chosen here, in advance. A server that chose its own port would know it only once it runs, and the page needs
    it before.
    """

    _number: int | None = None

    @classmethod
    def number(cls) -> int:
        if cls._number is None:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                cls._number = probe.getsockname()[1]
        return cls._number


def _addresses(port: int, name: str) -> list[str]:
    """Addresses at which the browser looks for the server, in this order.

    The browser replaces BASE with the address of the Jupyter server.
    """
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
