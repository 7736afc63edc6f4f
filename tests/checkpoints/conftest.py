"""The hub's stand-in runs while a test asks for it."""

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest

from checkpoints.hub_server import Hub


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    Hub.requested = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
