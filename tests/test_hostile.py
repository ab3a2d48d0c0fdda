"""Calendars that are made to do harm, through the whole program: files in, every report out."""

from __future__ import annotations

import csv
import io
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from calsignal.contract import Source
from calsignal.errors import Retriable
from calsignal.testing import pull
from calsignal_ics.source import IcsSource
from cli.desk import REP
from fake_provider import EPOCH
from google_calendar.remote import GoogleRemote
from google_calendar.service import GoogleService
from house import House, meetings
from ics.samples import access
from microsoft_calendar.remote import MicrosoftRemote
from microsoft_calendar.service import MicrosoftService

SQL = "'); DROP TABLE versions; -- \" OR 1=1"
TEMPLATE = "{{7*191}}${7*191}#{7*191}<%= 7*191 %>%(x)s%n{0.__class__.__mro__}"
FORMULA = '=HYPERLINK("https://evil.example",7)'
MARKUP = "<script>alert(1)</script>[bold red]x[/][a](javascript:b)"
STEERING = "\x1b]0;owned\x07\x1b[2J\u202egnp\u2066\x9b31m"
WORDS = (SQL, TEMPLATE, FORMULA, MARKUP, STEERING)
FORMS = (
    *(("digest", "--all", "--format", form) for form in ("text", "json", "csv", "markdown", "html")),
    *(("account", SQL, "--format", form) for form in ("text", "json")),
    *(("audit", "--format", form) for form in ("text", "json", "csv", "markdown", "html")),
    ("accounts", "list"),
    ("connections",),
)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.chdir(tmp_path)
    made = House(tmp_path)
    made.settle()
    return made


def tables(house: House) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(house.database)) as raw:
        return raw.execute("SELECT type, name FROM sqlite_master ORDER BY name").fetchall()


def wide(words: tuple[str, ...]) -> bytes:
    """Write a calendar whose subjects, UIDs and names of people are hostile."""
    body = meetings(EPOCH, len(words)).decode()
    for number, word in enumerate(words, 1):
        body = body.replace(f"UID:{number}@sample.example", f"UID:{word}")
        body = body.replace("SUMMARY:Sample call", f"SUMMARY:{word}", 1)
        body = body.replace(
            "PARTSTAT=ACCEPTED:mailto:", f'PARTSTAT=ACCEPTED;CN="{word.replace(chr(34), "")}":MAILTO:', 1
        )
    return body.encode()


def imported(house: House) -> None:
    rows = ["id,name,account,amount,currency,stage,close date"]
    for number, word in enumerate(WORDS, 1):
        cells = [str(number), word, SQL, "1000", "EUR", "Proposal", "2026-06-30"]
        rows.append(",".join('"' + cell.replace('"', '""') + '"' for cell in cells))
    house.ok("deals", "import", "-", input="\n".join(rows))


def test_words_that_are_code_elsewhere_are_words_in_every_report(house: House) -> None:
    (house.folder / "rep.ics").write_bytes(wide(WORDS))
    house.ok("connect", "ics", "rep.ics", "--rep", REP)
    house.ok("accounts", "add", SQL, "acme.example")
    house.ok("accounts", "add", TEMPLATE, "beta.example")
    house.ok("accounts", "add", FORMULA, "gamma.example")
    before = tables(house)

    house.ok("sync")
    imported(house)
    shown = {form: house.ok(*form) for form in FORMS}

    assert tables(house) == before
    for form, text in shown.items():
        assert "1337" not in text, form  # which is 7 * 191
        assert not any(sign in text for sign in STEERING if not sign.isprintable()), form
        assert form[-1] not in ("html", "markdown") or "<script>alert" not in text, form
        assert form[-1] != "csv" or not [
            cell for row in csv.reader(io.StringIO(text)) for cell in row if cell[:1] == "="
        ]
    told = "\n".join(house.ledger())
    assert all(word.replace("'", "''") in told for word in (SQL, TEMPLATE, FORMULA, MARKUP))


def test_a_crowd_and_an_endless_subject_are_cut_and_named(house: House) -> None:
    crowd = "".join(f"ATTENDEE:mailto:guest{number}@acme.example\r\n" for number in range(100_000))
    body = meetings(EPOCH, 2).decode().replace("SUMMARY:Sample call\r\n", f"SUMMARY:{'x' * 2_000_000}\r\n{crowd}", 1)
    (house.folder / "rep.ics").write_bytes(body.encode())
    house.ok("connect", "ics", "rep.ics", "--rep", REP)
    house.ok("accounts", "add", "Acme", "acme.example")
    begin = time.process_time()

    result = house.run("sync")

    assert time.process_time() - begin < 60
    assert "2 events read" in result.stdout
    assert "it has more than 5,000 guests: the others were not read" in result.output
    assert house.database.stat().st_size < 5_000_000


def nowhere(*_args: object, **_more: object) -> list[object]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.fixture(params=["ics", "google", "microsoft"])
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """Give a session with each kind of service."""
    if request.param == "ics":
        yield IcsSource(access(secret="https://feed.example/5ecret"))
    elif request.param == "google":
        with GoogleService() as google:
            yield GoogleRemote(google).open()
    else:
        with MicrosoftService() as microsoft:
            yield MicrosoftRemote(microsoft).open()


def test_without_names_of_hosts_a_service_may_be_reached_later(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", nowhere)

    with pytest.raises(Retriable, match="cannot be reached") as caught:
        pull(source)

    assert caught.value.hint
    source.close()
