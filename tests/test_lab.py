"""``make lab`` as a user meets it: it prints a URL, and the kernel behind it is the one with the package."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import pytest
import websocket

ROOT = Path(__file__).parents[1]
SHADOW = {"argv": ["false", "{connection_file}"], "display_name": "Python 3", "language": "python"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """(URL, token) of a server started without a screen, by a user whose home has a broken kernel named python3."""
    if shutil.which("make") is None or not (ROOT / ".venv" / "bin" / "python").exists():
        pytest.skip("needs make, and the .venv that it makes")
    home = tmp_path_factory.mktemp("home")
    for name in ("python3", "another"):
        kernel = home / ".local" / "share" / "jupyter" / "kernels" / name / "kernel.json"
        kernel.parent.mkdir(parents=True)
        kernel.write_text(json.dumps(SHADOW))
    dropped = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "JUPYTER_PREFER_ENV_PATH", "MAKEFLAGS", "MAKELEVEL")
    environment = {name: value for name, value in os.environ.items() if name not in dropped} | {"HOME": str(home)}
    log = home / "lab.log"
    command = ["make", "-o", ".venv/.ready", "lab"]  # -o: take the environment as it is
    with log.open("w") as file:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield _wait_for_url(server, log)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is a browser to open")
def test_url_leads_to_the_first_notebook(lab):
    url, token = lab
    path = re.search("/lab/tree/(.*)", url).group(1)
    assert path == "notebooks/00_quickstart.ipynb"
    assert json.loads(_ask(url, f"api/contents/{path}?content=0", token))["type"] == "notebook"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is a browser to open")
def test_kernel_is_the_environments_own(lab):
    url, token = lab
    assert list(json.loads(_ask(url, "api/kernelspecs", token))["kernelspecs"]) == ["python3"]
    kernel = json.loads(_ask(url, "api/kernels", token, {"name": "python3"}))["id"]
    assert _run(url, kernel, token, "import diffpose_nb, sys; print(sys.prefix)") == f"{ROOT / '.venv'}\n"


def _wait_for_url(server, log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        found = re.search(r"(http://127\S+)\?token=(\w+)", log.read_text())
        if found:
            return found.groups()
        time.sleep(0.5)
    pytest.fail(log.read_text()[-2000:])


def _ask(url, path, token, body=None):
    data = None if body is None else json.dumps(body).encode()
    base = url.partition("/lab")[0]
    request = urllib.request.Request(f"{base}/{path}", data, {"Authorization": f"token {token}"})
    return urllib.request.urlopen(request, timeout=60).read()


def _run(url, kernel, token, code):
    """What ``code`` prints."""
    base = url.partition("/lab")[0].replace("http", "ws", 1)
    client = websocket.create_connection(f"{base}/api/kernels/{kernel}/channels?token={token}", timeout=60)
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "version": "5.3",
        "session": "",
        "username": "",
    }
    content = {"code": code, "silent": False}
    client.send(
        json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"})
    )
    printed = ""
    while True:
        message = json.loads(client.recv())
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if message["msg_type"] == "stream":
            printed += message["content"]["text"]
        if message["msg_type"] == "execute_reply":
            assert message["content"]["status"] == "ok", message["content"]
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            client.close()
            return printed
