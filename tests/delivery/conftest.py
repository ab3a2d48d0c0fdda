from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from delivery.servers import HookServer, Mailboxes, hook_server, mail_server


@pytest.fixture(scope="session")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    ca = trustme.CA()
    bundle = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    return bundle, context


@pytest.fixture
def trust(trusted: tuple[Path, ssl.SSLContext], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process trust the servers of these tests."""
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted[0]))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted[0]))


@pytest.fixture(scope="session")
def _mail(trusted: tuple[Path, ssl.SSLContext]) -> Iterator[dict[str, Mailboxes]]:
    context = trusted[1]
    with (
        mail_server(context, at_once=False) as started,
        mail_server(context, at_once=True) as at_once,
        mail_server(None, at_once=False) as never,
    ):
        yield {"smtp": started, "smtps": at_once, "none": never}


@pytest.fixture
def mail(_mail: dict[str, Mailboxes], trust: None) -> dict[str, Mailboxes]:
    """Return three mail servers: with STARTTLS, with TLS at once, with neither."""
    for boxes in _mail.values():
        boxes.got.clear()
        boxes.refusals.clear()
        boxes.unknown.clear()
    return _mail


@pytest.fixture(scope="session")
def _hooks(trusted: tuple[Path, ssl.SSLContext]) -> Iterator[HookServer]:
    with hook_server(trusted[1]) as server:
        yield server


@pytest.fixture
def hooks(_hooks: HookServer, trust: None) -> HookServer:
    _hooks.reset()
    return _hooks
