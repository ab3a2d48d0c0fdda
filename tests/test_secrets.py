"""A secret is in the vault and nowhere else, on whatever road it came, whatever is typed, all libraries at DEBUG."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

import calsignal
import calsignal_google
import calsignal_ics
import calsignal_microsoft
from calsignal import cli
from calsignal.retry import Retry
from cli.desk import REP, Desk
from google_calendar import office as google
from google_calendar.desk import READER, private_key
from google_calendar.service import GoogleService
from house import Feed, House, meetings
from ics.conftest import authority, running, server  # noqa: F401  # fixtures
from ics.feed_server import FeedServer
from microsoft_calendar import office as microsoft
from microsoft_calendar.service import MicrosoftService

TYPED = "sample-passphrase-4711"
URL = "/private-5ecret/calendar.ics?t0ken=s3same-open"
TELLING = frozenset({"token", "refresh_token", "client_secret", "private_key", "secret", "access_token", "id_token"})


# --- every command on every road --------------------------------------------------------------------------------------

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("init",),
    ("connect",),
    ("sync",),
    ("accounts", "add", "Acme", "acme.example"),
    ("accounts", "list"),
    ("accounts", "suggest"),
    ("sync",),
    ("connections",),
    ("connections", "--format", "json"),
    ("digest",),
    ("digest", "--format", "json"),
    ("account", "Acme"),
    ("account", "Acme", "--format", "json"),
    ("audit",),
    ("audit", "--rep", "me"),
    ("deals", "list"),
    ("calibrate",),
    ("doctor",),
    ("doctor", "--names"),
    ("doctor", "--offline", "--format", "json"),
    ("forget", "ann@acme.example", "--yes"),
    ("vault", "rekey"),
    ("vault", "rekey", "--passphrase"),
    ("sync", "no such connection"),
    ("sync",),
)
ELSEWHERE = {
    "demo": "plays in a store of its own, and opens no vault",
    "disconnect": "ends each road below",
    "export": "opens no vault",
    "reminders": "opens no vault",
    "completion": "opens no vault",
    "worker": "tests/workers",
    "deliver": "tests/delivery",
    "schedule": "tests/schedule",
}


def test_every_command_is_tried() -> None:
    assert {words[0] for words in COMMANDS} | ELSEWHERE.keys() == set(cli._COMMANDS)


Road = Callable[[], Desk]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setattr("calsignal.retry.Retry", partial(Retry, attempts=1))


@pytest.fixture(params=["feed", "google", "service account", "microsoft", "app only"])
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: FeedServer,  # noqa: F811
) -> Iterator[Desk]:
    """Return a desk on which a calendar was connected on one of the roads."""
    if request.param == "feed":
        house = House(tmp_path)
        house.settle()
        server.respond = Feed(meetings(house.clock()))
        house.ok("connect", "ics", "-", "--rep", REP, input=server.url(URL) + "\n")
        yield house
    elif request.param in {"google", "service account"}:
        with GoogleService() as service:
            yield _google(google.Office(tmp_path, service=service), alone=request.param == "google")
    else:
        with MicrosoftService() as served:
            microsoft.nobody_waits(served, monkeypatch)
            yield _microsoft(microsoft.Office(tmp_path, service=served), alone=request.param == "microsoft")


def _google(office: google.Office, *, alone: bool) -> Desk:
    office.settle()
    office.box(REP)
    if alone:
        office.sign_in(REP)
    else:
        office.service.sign_in.keys.setdefault(READER, private_key())
        key = office.file("key.json", office.service.service_account_key())
        office.ok("connect", "google", "--service-account", key, "--as", REP)
    return office


def _microsoft(office: microsoft.Office, *, alone: bool) -> Desk:
    office.settle()
    office.box(REP)
    if alone:
        office.sign_in(REP)
    else:
        office.app_only("--user", REP)
    return office


def canaries(desk: Desk) -> set[str]:
    """Return every secret in the vault, and what each consists of."""
    kept = desk.app().vault._read()  # type: ignore[attr-defined]
    found = {TYPED, *kept.values()}
    for secret in kept.values():
        found |= set(_telling(secret))
    if any("5ecret" in secret for secret in found):
        found |= {"5ecret", "t0ken", "s3same"}
    return {secret for secret in found if len(secret) > 4}


def _telling(value: object, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _telling(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _telling(inner, key)
    elif isinstance(value, str):
        try:
            opened = json.loads(value)
        except ValueError:
            opened = None
        if isinstance(opened, dict | list):
            yield from _telling(opened, key)
        elif key in TELLING:
            yield from (line for line in value.splitlines() if "PRIVATE KEY" not in line)


def test_no_secret_comes_out_of_any_command_on_any_road(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (connection,) = (one.name for one in desk.app().store().connections())
    secrets = canaries(desk)
    assert len(secrets) >= 3
    printed = ""

    for words in (*COMMANDS, ("disconnect", connection)):
        typed = f"{TYPED}\n" if "--passphrase" in words else "n\n"
        result = desk.run("--debug", *words, input=typed)
        printed += result.output
        if "--passphrase" in words:
            desk.environ["CALSIGNAL_SECRET_KEY"] = TYPED
        secrets |= canaries(desk)

    assert "Acme" in printed
    files = [path for name in ("data", "config") for path in (desk.folder / name).rglob("*") if path.is_file()]
    places = {"printed": printed.encode(), "logged": caplog.text.encode()}
    places |= {path.name: path.read_bytes() for path in files if path.name != "vault.key"}
    leaked = [(place, secret[:4]) for place, text in places.items() for secret in secrets if secret.encode() in text]
    assert leaked == []
    assert connection not in {name.partition(":")[2] for name in desk.app().vault._read()}  # type: ignore[attr-defined]


# --- what our own values say of themselves ----------------------------------------------------------------------------

HIDDEN = ("secret", "passphrase", "password", "token", "private_key", "address_key", "refresh")


def _dataclasses() -> Iterator[type]:
    for package in (calsignal, calsignal_google, calsignal_ics, calsignal_microsoft):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" in module.name or module.name.endswith(("testing", "__main__")):
                continue
            for found in vars(import_module(module.name)).values():
                if isinstance(found, type) and dataclasses.is_dataclass(found) and found.__module__ == module.name:
                    yield found


def test_no_value_of_ours_shows_a_secret_when_it_is_printed() -> None:
    known = list(_dataclasses())

    shown = [
        f"{one.__module__}.{one.__name__}.{field.name}"
        for one in known
        for field in dataclasses.fields(one)
        if any(word in field.name for word in HIDDEN)
        and field.repr
        and not field.name.endswith("_uri")
        and _may_be_text(str(field.type))
    ]

    assert len(known) > 100
    assert shown == []


def _may_be_text(kind: str) -> bool:
    return kind.partition("|")[0].strip() in {"str", "bytes"}


# --- the process ------------------------------------------------------------------------------------------------------

INSIDE = """
import os, resource, subprocess, sys
import click
from calsignal import cli
@click.command()
@cli.options.pass_app
def digest(app):
    child = subprocess.run([sys.executable, "-c", "import os; print(dict(os.environ))"], capture_output=True, text=True)
    print(resource.getrlimit(resource.RLIMIT_CORE)[0])
    print(app.environ["CALSIGNAL_SECRET_KEY"])
    print(child.stdout)
import calsignal.cli.reports
calsignal.cli.reports.digest = digest
cli.main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no core files")
def test_a_crash_leaves_no_memory_behind_and_no_child_inherits_a_secret(tmp_path: Path) -> None:
    code = INSIDE.replace("from calsignal import cli\n", "from calsignal import cli\nimport calsignal.cli.options\n")
    url = "postgresql://someone:s3same@db.example/calsignal"
    environ = {**os.environ, "CALSIGNAL_SECRET_KEY": TYPED, "CALSIGNAL_DATABASE_URL": url, "HOME": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", code, "digest"], env=environ, capture_output=True, text=True, check=True
    )

    limit, key, child = done.stdout.split("\n", 2)
    assert (limit, key) == ("0", TYPED)
    assert "PATH" in child
    assert TYPED not in child
    assert "s3same" not in child


def test_the_browser_of_a_sign_in_inherits_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    from calsignal_microsoft.connect import _browse

    seen: list[str | None] = []
    monkeypatch.setenv("CALSIGNAL_MICROSOFT_CLIENT_SECRET", "hunter2")
    monkeypatch.setattr("webbrowser.open", lambda url: seen.append(os.environ.get("CALSIGNAL_MICROSOFT_CLIENT_SECRET")))

    _browse("https://login.example")

    assert seen == [None]
    assert os.environ["CALSIGNAL_MICROSOFT_CLIENT_SECRET"] == "hunter2"
