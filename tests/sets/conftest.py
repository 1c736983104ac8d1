"""A server on the loopback address that treats its clients as badly as the real ones do."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest


@pytest.fixture
def server(monkeypatch):
    """It serves ``content``; ``cuts`` holds the lengths after which it breaks off, one for each request."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = SimpleNamespace(content=bytes(range(256)) * 4000, cuts=[], ranges=True, status=None, requests=[])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            state.requests.append(asked)
            first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and state.ranges else 0
            if state.status or first >= len(state.content) > 0:
                self.send_response(state.status or 416)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = state.content[first:]
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cuts.pop(0)] if state.cuts else body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        state.address = f"http://127.0.0.1:{http.server_port}/bone.tif"
        state.stop = http.shutdown
        yield state
        http.shutdown()
        thread.join()
