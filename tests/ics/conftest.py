from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from ics.feed_server import NAMES, FeedServer


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    ca = trustme.CA()
    bundle = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*NAMES).configure_cert(context)
    return bundle, context


@pytest.fixture(scope="session")
def running(authority: tuple[Path, ssl.SSLContext]) -> Iterator[FeedServer]:
    server = FeedServer(authority[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(
    running: FeedServer, authority: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> Iterator[FeedServer]:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority[0]))
    running.reset()
    yield running
    running.over.set()
