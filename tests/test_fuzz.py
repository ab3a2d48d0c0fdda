"""Whatever is handed to a reader, only errors of calsignal come out, in bounded time, and what is unreadable is named.

Small here; `HYPOTHESIS_PROFILE=thorough` looks a hundred times as hard, and `fuzz/readers.py` for as long as you like.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fuzzing
from google_calendar import test_translate as google_items
from microsoft_calendar import test_translate as microsoft_items

DATA = Path(__file__).parent / "data"
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
fuzz = settings(
    max_examples=5_000 if THOROUGH else 50,
    deadline=None,
    database=None,
    derandomize=not THOROUGH,
    suppress_health_check=list(HealthCheck),
)


def mutated(seeds: list[bytes], words: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return samples with pieces cut out, doubled, and hostile words put in."""

    @st.composite
    def build(draw: st.DrawFn) -> bytes:
        data = draw(st.sampled_from(seeds))
        for _ in range(draw(st.integers(1, 5))):
            begin = draw(st.integers(0, len(data)))
            end = min(len(data), begin + draw(st.sampled_from([0, 1, 8, 60])))
            data = (
                data[:begin]
                + draw(st.sampled_from([b"", data[begin:end] * 3, *words]) | st.binary(max_size=4))
                + data[end:]
            )
        return data

    return build()


# --- calendars --------------------------------------------------------------------------------------------------------

VALUES = st.text(max_size=20) | st.sampled_from(
    [
        *("20260302T100000Z", "20260302T100000", "20260302", "00010101T000000Z", "99991231T235959Z", "20260230", "-1"),
        *("PT0S", "-P1D", "P99999999999D", "PT1H", "20260302T100000Z/PT1H", "20260302T100000/20260301T100000"),
        *("FREQ=SECONDLY", "FREQ=DAILY", "FREQ=DAILY;COUNT=999999999999", "FREQ=DAILY;INTERVAL=99999999999999"),
        *("FREQ=DAILY;INTERVAL=0", "FREQ=WEEKLY;UNTIL=99999999T999999Z", "FREQ=MONTHLY;BYDAY=-999MO"),
        *("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=SU;BYYEARDAY=1"),
        *("FREQ=HOURLY;BYSETPOS=366;BYHOUR=1,2", "FREQ=DAILY;UNTIL=20260401;BYSECOND=0,1,2,3"),
        *("mailto:ann@acme.example", "PUBLIC", "PRIVATE", "CANCELLED", "Europe/Berlin", "../../etc/passwd", "Custom"),
        *("+0100", "-9999", "+999999", "TRUE", "one", "two"),
    ]
)
PARAMS = st.sampled_from(
    [
        *("", ";TZID=Europe/Berlin", ";TZID=Custom", ";TZID=../../etc/passwd", ";VALUE=DATE", ";VALUE=PERIOD"),
        *(";TZID=", ";RANGE=THISANDFUTURE", ';CN="\u202ea:b";PARTSTAT=ACCEPTED', ";RELATED=END;X="),
    ]
)
NAMES = """
    DTSTART DTEND DURATION RRULE RDATE EXDATE EXRULE RECURRENCE-ID UID SUMMARY ATTENDEE ORGANIZER SEQUENCE CREATED CLASS
    STATUS TRANSP LAST-MODIFIED TZOFFSETFROM TZOFFSETTO TZID TZUNTIL METHOD X-WR-TIMEZONE BEGIN END
""".split()
LINES = st.builds("{}{}:{}".format, st.sampled_from(NAMES), PARAMS, VALUES)
BLOCKS = st.builds(
    lambda name, lines: "\r\n".join([f"BEGIN:{name}", *lines, f"END:{name}"]),
    st.sampled_from(["VEVENT", "VEVENT", "VEVENT", "VTIMEZONE", "STANDARD", "VALARM"]),
    st.tuples(st.sampled_from(["UID:one", "TZID:Custom"]), st.builds("DTSTART{}:{}".format, PARAMS, VALUES)).flatmap(
        lambda first: st.lists(LINES, max_size=6).map(lambda others: [*first, *others])
    ),
)
FILES = st.lists(BLOCKS, max_size=4).map(
    lambda blocks: "\r\n".join(["BEGIN:VCALENDAR", *blocks, "END:VCALENDAR", ""]).encode(errors="replace")
)
CALENDARS = [path.read_bytes() for path in sorted((DATA / "ics").glob("*.ics"))]
HOSTILE = [b"\0", b"\xff\xfe", b"RRULE:FREQ=SECONDLY\r\n", b"BEGIN:VEVENT\r\n", b"\r\n ", b'"', b"9" * 400]


@fuzz
@given(FILES | mutated(CALENDARS, HOSTILE))
def test_any_calendar_file_is_read_or_named(data: bytes) -> None:
    fuzzing.ics(data)


# --- services ---------------------------------------------------------------------------------------------------------

TOKENS: st.SearchStrategy[object] = st.sampled_from(
    ["token", "", 0, None, [], {}, 10**400, float("nan"), "https://evil.example/"]
)


def answers(
    items: st.SearchStrategy[object], listed: str, **others: st.SearchStrategy[object]
) -> st.SearchStrategy[object]:
    """Return answers as a service could give them: pages of items, items, and anything at all."""
    junk = google_items.VALUES
    page = st.fixed_dictionaries({}, optional={listed: st.lists(items | junk, max_size=3) | junk, **others})
    return st.lists(page | items | st.dictionaries(st.text(), junk, max_size=3) | junk, max_size=5)


GOOGLE = answers(
    google_items.ITEMS,
    "items",
    nextPageToken=TOKENS | google_items.VALUES,
    nextSyncToken=TOKENS | google_items.VALUES,
    accessRole=st.sampled_from(["owner", "none"]) | google_items.VALUES,
)
DATES = st.fixed_dictionaries(
    {"type": st.sampled_from(["occurrence", "exception"]), "seriesMasterId": st.just("one")},
    optional={
        **dict.fromkeys(("start", "end"), microsoft_items.TIMES),
        **dict.fromkeys(("originalStart", "occurrenceId", "id"), microsoft_items.STAMPS | microsoft_items.VALUES),
    },
)
MICROSOFT = answers(
    microsoft_items.ITEMS | DATES,
    "value",
    exceptionOccurrences=st.lists(DATES | microsoft_items.VALUES, max_size=2) | microsoft_items.VALUES,
    cancelledOccurrences=st.lists(st.just("OID.one.2026-03-09") | microsoft_items.VALUES, max_size=2),
    **{"@odata.nextLink": TOKENS | microsoft_items.VALUES},
)


@fuzz
@given(GOOGLE)
def test_any_answers_of_google_are_read_named_or_refused(found: list[object]) -> None:
    fuzzing.google(found)


@fuzz
@given(MICROSOFT)
def test_any_answers_of_microsoft_are_read_named_or_refused(found: list[object]) -> None:
    fuzzing.microsoft(found)


# --- files ------------------------------------------------------------------------------------------------------------

TABLES = [path.read_bytes() for path in sorted((DATA / "deals").glob("*.[ct]sv"))]
CELLS = [
    b"\0",
    b'"',
    b"\n",
    b"=cmd|' /C calc'!A0",
    b"1e999999999",
    b"\xe2\x80\xae",
    b"9" * 5000,
    b"sep=\n",
    b"\xff\xfe",
]


@fuzz
@given(mutated(TABLES, CELLS))
def test_any_export_is_read_named_or_refused(data: bytes) -> None:
    fuzzing.deals(data)


@fuzz
@given(mutated([b"name,domain,type,owner,address,key_player\nAcme,acme.example,customer,,,\n"], CELLS))
def test_any_table_of_accounts_is_read_named_or_refused(data: bytes) -> None:
    fuzzing.accounts(data)


SETTINGS = (Path(__file__).parents[1] / "config.example.toml").read_bytes()
LIVE = SETTINGS.replace(b"\n#", b"\n")
TOML = [b"[" * 200, b"0x" + b"f" * 5000, b"nan", b"1979-05-27", b'"', b"'''", b"links = {a = ['(']}\n", b"\0", b"\xff"]
PAIRS = st.builds(
    "[{}]\n{} = {}\n".format,
    st.sampled_from(
        ["team", "team.aliases", "links", "scoring", "sync", "delegates", "delivery.reps", "__proto__", '""']
    ),
    st.sampled_from(["domains", "timezone", "url", "__class__", "'\u202e'", '"\\u0000"', "a.b.c", "half_life"]),
    st.sampled_from(['"../../etc/passwd"', "inf", "[]", "{}", "-1", "['a{99999999999999}']", "['" + "(" * 3000 + "']"])
    | st.text(max_size=9).map(json.dumps),
).map(str.encode)


@fuzz
@given(mutated([SETTINGS, LIVE], TOML) | PAIRS)
def test_any_config_is_read_or_each_problem_named(data: bytes) -> None:
    fuzzing.settings(data)


# --- the readers of the fuzzer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reader", "data"),
    [
        *(("ics", data) for data in CALENDARS),
        *(("deals", data) for data in TABLES),
        ("config", SETTINGS),
        ("google", (DATA / "google" / "week.json").read_bytes().replace(b"\n", b"")),
    ],
)
def test_the_fuzzers_readers_take_what_is_fine(reader: str, data: bytes) -> None:
    fuzzing.READERS[reader](data)


CRASHERS = sorted((DATA / "crashers").iterdir())


@pytest.mark.parametrize("path", CRASHERS, ids=lambda path: path.stem)
def test_what_once_broke_a_law_keeps_it(path: Path) -> None:
    fuzzing.READERS[path.name.partition("-")[0]](path.read_bytes())
