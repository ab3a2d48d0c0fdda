"""What must be kept nowhere is nowhere: not in a byte of the store or the vault, not in a word that is printed."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sqlite3
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

import calsignal.sync  # noqa: F401  # it knows the one retry loop by name, which a test replaces
from calsignal.retry import Retry
from cli.desk import REP
from fake_provider import EPOCH
from house import NAME, Feed, House, answering
from ics.conftest import authority, running, server  # noqa: F401  # fixtures
from ics.feed_server import FeedServer, Handler

PATH = "/private-5ecret/cal%C3%A9ndar.ics?t0ken=s3same&user=r3plica"
FEED = ("5ecret", "%C3%A9ndar", "t0ken", "s3same", "r3plica")
"""Parts of the address of the feed."""

NEVER = (
    *("Operation Nightfall", "Board vote", "Salary of Jane", "Doctor at five", "Merger talk", "Lunch at Luigi"),
    *("Ann Plum", "Bob Stone", "Roe Vance", "Zed Strange", "Kit Pryor"),
    *("stranger@elsewhere.example", "second.stranger@elsewhere.example", "kit@acme.example", "boss@ours.example"),
    *(
        "the agenda is grim",
        "bring the contract",
        "Suite 1408",
        "Rue Morgue 7",
        "+1 555 0100",
        "whisper",
        "wh1sper-uid",
    ),
)
"""What no account ever gives a reason to know: subjects, names, addresses, places and texts."""

BUYER = ("ann@acme.example", "bob@mail.acme.example", "Acme kickoff", "Acme renewal")
"""What is kept as long as there is an account for it."""


# --- what a stranger's calendar holds ---------------------------------------------------------------------------------

DECORATION = (
    r"DESCRIPTION:the agenda is grim\n\nbring the contract",
    "LOCATION:Suite 1408\\, Rue Morgue 7",
    "COMMENT:whisper",
    "CONTACT:Zed Strange\\, +1 555 0100",
    "CATEGORIES:Merger talk",
    "X-ALT-DESC;FMTTYPE=text/html:<p>the agenda is grim</p>",
    "ATTACH;FILENAME=Salary of Jane.pdf:https://files.example/whisper",
    "URL:https://meet.example/whisper",
    "BEGIN:VALARM",
    "ACTION:DISPLAY",
    "DESCRIPTION:Doctor at five",
    "TRIGGER:-PT15M",
    "END:VALARM",
)


def vevent(uid: str, subject: str, start: datetime, people: Sequence[str], *more: str) -> str:
    lines = [
        f"UID:{uid}",
        f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{start + timedelta(minutes=45):%Y%m%dT%H%M%SZ}",
        f"SUMMARY:{subject}",
        f"ORGANIZER;CN=Roe Vance:mailto:{REP}",
        *(f"ATTENDEE;{person}" for person in people),
        *DECORATION,
        *more,
    ]
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])


ANN, BOB = "CN=Ann Plum;PARTSTAT=ACCEPTED:mailto:ann@acme.example", "CN=Bob Stone:mailto:bob@mail.acme.example"
ZED = "CN=Zed Strange;PARTSTAT=ACCEPTED:mailto:Stranger@Elsewhere.example"
ENCODED = "CN=Zed Strange:mailto:second%2Estranger%40elsewhere.example"
KIT = "CN=Kit Pryor:mailto:kit@acme.example"
BOSS = "CN=Kit Pryor:mailto:boss@ours.example"


def calendar(now: datetime, *, later: bool = False) -> bytes:
    """Write a calendar with something of everything; `later` moves, answers, renames, and makes one event private."""
    at = now + timedelta(days=3, hours=2 if later else 0)
    hidden = ("CLASS:PRIVATE",) if later else ()
    renamed = "Board vote" if later else "Acme renewal"
    parts = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "X-WR-CALNAME:Salary of Jane",
        "X-WR-CALDESC:whisper",
        vevent("kickoff@acme.example", "Acme kickoff", at, (ANN, BOB)),
        vevent("weekly@acme.example", "Acme kickoff", at, (ANN,), "RRULE:FREQ=WEEKLY;COUNT=5"),
        vevent("renewal@acme.example", renamed, at, (ANN, KIT) if later else (ANN,), *hidden),
        vevent("secret@acme.example", "Operation Nightfall", at, (KIT,), "CLASS:CONFIDENTIAL"),
        vevent("odd@acme.example", "Doctor at five", at, (KIT,), "CLASS:X-WHISPER"),
        vevent("inside@ours.example", "Salary of Jane", at, (BOSS,)),
        vevent("alone@ours.example", "Board vote", at, ()),
        vevent("strangers@elsewhere.example", "Merger talk", at, (ZED, ENCODED)),
        vevent("lunch@elsewhere.example", "Lunch at Luigi", at, (ZED,), "RRULE:FREQ=DAILY;COUNT=3"),
        vevent("broken@elsewhere.example", "Operation Nightfall", at, (ZED,)).replace("DTSTART:2", "DTSTART:MM"),
        vevent("wh1sper-uid@acme.example", "Doctor at five", at, (KIT,), "CLASS:PRIVATE").replace(
            "DTSTART:2", "DTSTART:M"
        ),
        vevent("", "Operation Nightfall", at, (ZED, ENCODED)),
        "BEGIN:VTODO\r\nSUMMARY:Merger talk\r\nEND:VTODO",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(parts).encode()


# --- where it could be ------------------------------------------------------------------------------------------------


def forms(word: str) -> Iterable[bytes]:
    """Yield the ways in which a word may be written down; what is searched is in lower case."""
    for text in (word, quote(word), quote(word, safe="@"), word.replace(" ", "+"), word.replace(" ", "\\ ")):
        yield text.lower().encode()
    yield word.lower().encode("utf-16-le")
    yield word.encode().hex().encode()
    for pad in range(3):
        inner = b64encode(b"?" * pad + word.encode())[4 if pad else 0 :].rstrip(b"=")[:-1]
        if len(inner) > 7:
            yield inner.lower()


def shown(where: bytes, words: Iterable[str]) -> list[str]:
    """Return those of some words that can be read somewhere, in whatever form."""
    lower = where.lower()
    return [word for word in words if any(form in lower for form in forms(word))]


def leaks(house: House, words: Iterable[str]) -> list[str]:
    return shown(house.kept() + house.printed.encode(), words)


@pytest.fixture(params=[False, True], ids=["plain", "debug"])
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> House:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("calsignal.retry.Retry", partial(Retry, attempts=1))
    made = House(tmp_path, debug=request.param)
    made.settle()
    return made


def connect(house: House, kind: str, server: FeedServer) -> Callable[[bytes], object]:  # noqa: F811
    """Connect a calendar of some kind; return what puts another one in its place."""
    body = calendar(EPOCH)
    if kind == "feed":
        feed = server.respond = Feed(body)
        house.ok("connect", "ics", "-", "--rep", REP, input=server.url(PATH) + "\n")
        return lambda new: setattr(feed, "body", new)
    file = house.folder / "calendars" / "rep.ics"
    file.parent.mkdir()
    file.write_bytes(body)
    house.ok("connect", "ics", str(file if kind == "file" else file.parent), "--rep", REP)
    return file.write_bytes


@pytest.fixture
def kind(house: House, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name what is connected; with `server` it is a file, and the store is in PostgreSQL."""
    if request.param != "server":
        yield request.param
        return
    with request.getfixturevalue("postgresql").database() as url:
        house.environ["CALSIGNAL_DATABASE_URL"] = url
        yield "file"


EVERYWHERE = [(debug, kind) for kind in ("file", "folder", "feed") for debug in (False, True)]


@pytest.mark.parametrize(("house", "kind"), [*EVERYWHERE, (False, "server")], indirect=True)
def test_what_nobody_has_a_reason_to_know_is_nowhere(
    house: House,
    kind: str,
    server: FeedServer,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    change = connect(house, kind, server)

    def sync() -> None:
        house.clock.wait(hours=1)
        house.ok("sync")
        assert leaks(house, (*NEVER, *FEED)) == []

    sync()
    assert leaks(house, BUYER) == []
    house.ok("accounts", "suggest")
    house.ok("accounts", "add", "Acme", "acme.example")
    sync()
    assert shown(house.kept(), BUYER) == list(BUYER)

    change(calendar(EPOCH, later=True))
    sync()
    assert shown(house.kept(), BUYER) == ["ann@acme.example", "bob@mail.acme.example", "Acme kickoff"]
    for command in ("digest", "account Acme", "connections", "accounts suggest", "accounts list"):
        for form in ("text", "json"):
            house.ok(*command.split(), "--format", form)
    for table in ("ledger", "meetings", "changes", "accounts", "deals"):
        house.ok("export", table)
    house.ok("--verbose", "reminders", "--format", "ics")
    assert leaks(house, (*NEVER, *FEED)) == []

    house.ok("accounts", "remove", "Acme")
    assert shown(house.kept(), BUYER) == []
    sync()
    assert shown(house.kept(), BUYER) == []

    house.ok("accounts", "add", "Acme", "acme.example")
    sync()
    house.ok("disconnect", NAME)
    assert leaks(house, (*NEVER, *FEED)) == []
    house.ok("accounts", "remove", "Acme")
    house.ok("disconnect", NAME, "--erase", "--yes")
    assert shown(house.kept(), (*NEVER, *FEED, *BUYER, "elsewhere.example", "acme.example", "kickoff")) == []
    assert leaks(house, (*NEVER, *FEED)) == []
    assert shown(caplog.text.encode(), (*NEVER, *FEED, *BUYER)) == []


# --- failures ---------------------------------------------------------------------------------------------------------

LEADS = ("n3xt-door", "s1gned")
"""Parts of the address that a redirect leads to."""


def cut_short(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(calendar(EPOCH))


def garbled(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 500 Sorry\r\nBoard vote, no header\r\nX-A: b\r\n\r\n")


def page(handler: Handler) -> None:
    handler.send(200, f"<html>{handler.path}: Operation Nightfall, stranger@elsewhere.example</html>".encode())


def elsewhere(target: str) -> Callable[[Handler], object]:
    return answering(302, b"<a href='/n3xt-door'>Board vote</a>", Location=target)


FAILURES: dict[str, Callable[[Handler], object]] = {
    **{str(status): answering(status, b"Board vote: stranger@elsewhere.example") for status in (401, 404, 410, 500)},
    "in a circle": lambda handler: elsewhere(handler.path)(handler),
    "to http": elsewhere("http://localhost/n3xt-door?key=s1gned"),
    "to a file": elsewhere("file:///n3xt-door/s1gned"),
    "to nobody": elsewhere("https://nobody.invalid/n3xt-door?key=s1gned"),
    "to no port": elsewhere("https://localhost:99999/n3xt-door?key=s1gned"),
    "to nonsense": elsewhere("https://[n3xt-door/s1gned"),
    "to a page": lambda handler: (page if "n3xt" in handler.path else elsewhere("/n3xt-door?key=s1gned"))(handler),
    "a page": page,
    "half a body": cut_short,
    "half a calendar": answering(200, calendar(EPOCH).replace(b"END:VCALENDAR", b"")),
    "no http": lambda handler: handler.wfile.write(b"Board vote\r\n\r\n"),
    "headers that are none": garbled,
    "packed badly": answering(200, b"Board vote", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_feed_that_fails_is_not_quoted(
    house: House,
    failure: str,
    server: FeedServer,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    feed = server.respond = Feed(calendar(EPOCH))
    house.ok("connect", "ics", "-", "--rep", REP, input=server.url(PATH) + "\n")
    house.ok("sync")
    feed.fails = FAILURES[failure]
    house.clock.wait(hours=1)

    result = house.run("sync")

    assert result.exit_code == 1
    fact, hint, *_more = result.stderr.splitlines()
    assert fact.startswith(f"{NAME}: ")
    assert hint.startswith("hint: ")
    assert "update calsignal" not in hint
    assert "Traceback" not in result.output
    house.ok("connections")
    house.ok("connections", "--format", "json")
    assert leaks(house, (*NEVER, *FEED, *LEADS)) == []
    assert shown(caplog.text.encode(), (*NEVER, *FEED, *LEADS)) == []


# --- processes of their own -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["plain", "debug"])
def test_a_whole_process_leaves_no_trace_either(
    tmp_path: Path,
    debug: tuple[str, ...],
    server: FeedServer,  # noqa: F811
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)  # real processes run on the real clock
    feed = server.respond = Feed(calendar(now))
    said = b""

    def run(*words: str, typed: str = "") -> int:
        nonlocal said
        command = [sys.executable, "-X", "dev", "-c", "from calsignal.cli import main; main()", *debug, *words]
        environ = {**os.environ, "CALSIGNAL_VAULT": "file", "CALSIGNAL_SECRET_KEY": "sample passphrase"}
        environ |= {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
        done = subprocess.run(command, input=typed.encode(), env=environ, capture_output=True, check=False)
        said += done.stdout + done.stderr
        return done.returncode

    assert run("init", "--domain", "ours.example", "--timezone", "UTC") == 0
    (config,) = (tmp_path / "config").rglob("config.toml")
    config.write_text(config.read_text().replace("#private_addresses = false", "private_addresses = true"))
    assert run("connect", "ics", "-", "--rep", REP, typed=server.url(PATH) + "\n") == 0
    assert run("sync") == 0
    assert run("accounts", "add", "Acme", "acme.example") == 0
    assert run("sync") == 0
    feed.body = calendar(now, later=True)
    assert run("sync") == 0
    feed.fails = answering(401, b"Board vote")
    assert run("sync") == 1
    assert run("digest") == 0

    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert shown(files + said, (*NEVER, *FEED, "sample passphrase")) == []

    assert run("accounts", "remove", "Acme") == 0
    assert run("disconnect", NAME, "--erase", "--yes") == 0
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert shown(files, (*NEVER, *FEED, *BUYER, "elsewhere.example", "acme.example")) == []


# --- at length --------------------------------------------------------------------------------------------------------


def crowd(now: datetime, number: int) -> bytes:
    """Write a calendar of many meetings, each with buyers of its own, so that pages of the store fill and split."""
    meetings = (
        vevent(
            f"{n * 7919 % number}@big.example",
            f"Subject {n:05} " + "Quarterly numbers " * (n % 9),
            now + timedelta(days=n % 60, hours=n % 7),
            [f"CN=Ann Plum:mailto:guest{n * 31 % number:05}x{k}@acme.example" for k in range(3)],
        )
        for n in range(number)
    )
    return "\r\n".join(["BEGIN:VCALENDAR", *meetings, "END:VCALENDAR", ""]).encode()


def test_what_is_taken_back_leaves_no_remains_on_pages_that_were_split(house: House) -> None:
    file = house.folder / "rep.ics"
    file.write_bytes(crowd(EPOCH, 400))
    house.ok("accounts", "add", "Acme", "acme.example")
    house.ok("connect", "ics", str(file), "--rep", REP)
    house.ok("sync")
    assert shown(house.kept(), ["Quarterly numbers", "Subject 00", "@acme.example"])
    for later in (1, 2):
        house.clock.wait(hours=1)
        file.write_bytes(crowd(EPOCH + timedelta(hours=later), 400))
        house.ok("sync")

    house.ok("accounts", "remove", "Acme")

    assert shown(house.kept(), ["Quarterly numbers", "Subject 00", "x0@acme.example", "x2@acme.example"]) == []
    house.ok("disconnect", NAME, "--erase", "--yes")
    assert shown(house.kept(), ["big.example", "acme.example", "RRULE"]) == []


# --- after each erasure -----------------------------------------------------------------------------------------------


def row_of(house: House, person: str) -> list[tuple[object, ...]]:
    """Return everything that the store says about somebody of a domain."""
    with closing(sqlite3.connect(house.database)) as raw:
        return raw.execute("SELECT person, domain, email FROM people WHERE domain = ?", (person,)).fetchall()


def test_of_a_stranger_times_answer_domain_and_a_keyed_hash_are_kept_and_no_more(house: House) -> None:
    file = house.folder / "rep.ics"
    file.write_bytes(calendar(EPOCH))
    house.ok("connect", "ics", str(file), "--rep", REP)
    house.ok("sync")

    strangers = row_of(house, "elsewhere.example")

    assert len(strangers) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", str(key)) and email is None for key, _, email in strangers)
    for name in ("stranger@elsewhere.example", "second.stranger@elsewhere.example"):
        hashed = [getattr(hashlib, kind)(name.encode()).hexdigest() for kind in ("md5", "sha1", "sha256", "sha512")]
        assert shown(house.kept(), [name, *(text[:16] for text in hashed)]) == []


def test_an_erased_connection_leaves_no_hash_of_anybody(house: House) -> None:
    file = house.folder / "rep.ics"
    file.write_bytes(calendar(EPOCH))
    house.ok("connect", "ics", str(file), "--rep", REP)
    house.ok("sync")
    keys = [str(key) for key, *_ in row_of(house, "elsewhere.example")]
    assert shown(house.kept(), keys) == keys

    house.ok("disconnect", NAME, "--erase", "--yes")

    assert shown(house.kept(), keys) == []


def test_subjects_that_are_switched_off_are_in_no_byte_any_more(house: House) -> None:
    file = house.folder / "rep.ics"
    file.write_bytes(calendar(EPOCH))
    house.ok("accounts", "add", "Acme", "acme.example")
    house.ok("connect", "ics", str(file), "--rep", REP)
    house.ok("sync")
    assert shown(house.kept(), ["Acme kickoff", "Acme renewal"]) == ["Acme kickoff", "Acme renewal"]

    house.write(house.config.read_text(encoding="utf-8").replace("#subjects = true", "subjects = false"))
    house.clock.wait(hours=1)
    house.ok("sync")

    assert shown(house.kept(), ["Acme kickoff", "Acme renewal"]) == []


def test_what_a_feed_wants_to_hear_again_is_kept_sealed(house: House, server: FeedServer) -> None:  # noqa: F811
    asked: list[str | None] = []

    def respond(handler: Handler) -> None:
        asked.append(handler.headers.get("If-None-Match"))
        handler.send(304 if asked[-1] else 200, b"" if asked[-1] else calendar(EPOCH), ETag='"tell-t4le-etag"')

    server.respond = respond
    house.ok("connect", "ics", "-", "--rep", REP, input=server.url(PATH) + "\n")
    for _ in range(3):
        house.clock.wait(hours=1)
        house.ok("sync")

    assert asked[-2:] == ['"tell-t4le-etag"'] * 2
    assert shown(house.kept(), ["tell-t4le-etag"]) == []
