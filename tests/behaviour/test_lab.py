"""``make lab`` as a user meets it: it prints a URL, and the kernel behind it is the one with the package.

What a browser then shows is in tests/browser.
"""

import json
import re
import uuid
from pathlib import Path

import pytest
import websocket
from lab_server import ROOT


def test_url_leads_to_the_first_notebook(lab):
    path = re.search("/lab/tree/(.*)", lab.url).group(1)
    assert path == "notebooks/00_quickstart.ipynb"
    assert lab.ask(f"contents/{path}?content=0")["type"] == "notebook"


def test_kernel_is_the_environments_own(lab, kernel):
    """The user's home has a broken one of the same name."""
    assert list(lab.ask("kernelspecs")["kernelspecs"]) == ["python3"]
    prefix = Path(printed(lab, kernel, "import diffpose_nb, sys; print(sys.prefix)").rstrip("\n"))
    assert prefix.resolve() == (ROOT / ".venv").resolve()


@pytest.fixture
def kernel(lab):
    """The id of a fresh one."""
    found = lab.ask("kernels", {"name": "python3"})["id"]
    yield found
    lab.ask(f"kernels/{found}", method="DELETE")


def printed(lab, kernel, code):
    """What ``code`` prints."""
    url = f"{lab.base.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels?token={lab.token}"
    client = websocket.create_connection(url, timeout=60)
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
    text = ""
    while True:
        message = json.loads(client.recv())
        if message["parent_header"].get("msg_id") != header["msg_id"]:
            continue
        if message["msg_type"] == "stream":
            text += message["content"]["text"]
        if message["msg_type"] == "execute_reply":
            assert message["content"]["status"] == "ok", message["content"]
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            client.close()
            return text
