"""Whatever goes wrong on the way, in the end calsignal knows what it would know without: nothing twice, nothing lost.

Two machines that were set up alike read the same calendar, one of them in peace. Afterwards both hold the same open
versions and tell the same typed changes; only the moments at which these were seen may differ.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from google_calendar import service_faults as faults
from google_calendar.office import ANN, BOB, Home, Office
from google_calendar.service import GoogleService
from google_calendar.service_faults import Fault, Reply, Request
from google_calendar.service_world import Agenda, Mailbox, occurrences

EXAMPLES = int(os.environ.get("CALSIGNAL_EXAMPLES", "6"))
FORGOTTEN = "the service had forgotten where we were"
GONE = faults.failing(410, "fullSyncRequired")  # the tokens of the other machine stay good


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with GoogleService() as service:
        yield Pair(service, tmp_path)


class Pair:
    """A machine that reads in peace, and its twin, which does not."""

    def __init__(self, service: GoogleService, folder: Path) -> None:
        self.service = service
        (folder / "peace").mkdir()
        self.peace = Office(folder / "peace", service=service)
        self.peace.settle()
        self.box = self.peace.box()
        self.peace.sign_in()
        # an address makes the key that people are known by, so that both machines have the same
        self.peace.ok("accounts", "add", "Acme", "acme.example", "--address", "pal@elsewhere.example")
        service.pages.size = 3
        self.trouble = self.peace.twin(folder / "trouble")

    def sync(self, trouble: Callable[[GoogleService], object] = lambda service: None) -> bool:
        """Sync both, half a day after what happened; one that fails comes again. Return whether it failed."""
        for office in (self.peace, self.trouble):
            office.wait(hours=12)
        for grant in self.service.sign_in.tokens.values():  # what goes wrong shall meet more than a 401
            grant.expires = self.service.now + timedelta(hours=1)
        self.peace.ok("sync")
        trouble(self.service)
        failed = self.trouble.run("sync").exit_code
        assert failed in {0, 1}
        self.service.heal()
        self.service.pages.overlap = 0
        if failed:
            self.trouble.ok("sync")
        for office in (self.peace, self.trouble):
            office.wait(hours=12)
        return bool(failed)

    @contextmanager
    def copy(self, folder: Path) -> Iterator[Pair]:
        """Give two more machines, on an empty calendar of the same service."""
        made = object.__new__(Pair)
        self.service.world.records.clear()
        made.service, made.box = self.service, self.box
        made.peace, made.trouble = self.peace.twin(folder / "peace"), self.trouble.twin(folder / "trouble")
        made.peace.wait()
        yield made

    def agree(self) -> None:
        """See that both know the same, and that they do after a sync more, too."""
        expected = self.peace.knows()
        assert self.trouble.knows() == expected
        self.sync()
        assert self.trouble.knows() == expected == self.peace.knows()


def at(day: int, hour: int = 10, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


# --- every fault, at every page -------------------------------------------------------------------------------------


FAULTS: dict[str, tuple[Fault, int]] = {
    "the sync token is forgotten": (GONE, 1),
    "the access token expires": (faults.expire_tokens(), 1),
    "the body breaks off": (faults.truncated_body(), 2),
    "the JSON is cut": (faults.cut_json(), 2),
    "an empty page leads on": (faults.empty_page(), 1),
    "too many requests": (faults.too_many(30), 3),
    "too many requests, no waiting time": (faults.too_many(), 2),
    "a rate limit of the old kind": (faults.forbidden("rateLimitExceeded"), 2),
    "503": (faults.unavailable(), 4),
    "500": (faults.unavailable(500), 1),
    "the line breaks": (faults.connection_reset(), 2),
    "a page of a proxy": (faults.html_page(), 2),
}
"""What goes wrong, and how often in a row."""

FATAL: dict[str, tuple[Fault, int]] = {
    "503 for too long": (faults.unavailable(), 5),
    "too long a wait": (faults.too_many(3600), 1),
    "a refusal": (faults.forbidden(), 1),
    "a bad request": (faults.failing(400, "badRequest"), 1),
    "the quota is used up": (faults.forbidden("quotaExceeded"), 1),
    "no such calendar": (faults.not_found(), 1),
    "a token that is not accepted": (faults.unauthorized(), 9),
}
"""Likewise, but so that the sync gives up."""


def first_days(box: Mailbox) -> None:
    """Fill a calendar with all kinds of things: four pages."""
    for number in range(8):
        box.add(f"Call {number}", at(10 + number), attendees=[ANN, BOB], event_id=f"call{number}")
    box.add("Weekly", at(9, 9), attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY;COUNT=10", event_id="weekly")
    box.move_instance("weekly", at(16, 9), at(17, 9))
    box.add("Site", at(9, 9).date(), attendees=[BOB], recurrence="RRULE:FREQ=WEEKLY;COUNT=6", event_id="sites")


def second_days(box: Mailbox) -> None:
    """Change most of it: three pages of changes."""
    for number in range(3):
        box.move(f"call{number}", at(20 + number), reset_answers=True)
    box.answer("call3", ANN)
    box.answer("call3", BOB, "declined")
    box.cancel("call4", bare=True)
    box.uninvite("call5", BOB)
    box.cancel_instance("weekly", at(23, 9))
    box.split("weekly", at(6, 8, 4), at(7, 8, 4))
    box.cancel_instance("sites", at(16).date())
    box.add("New one", at(19), attendees=[ANN], event_id="new")


def third_days(box: Mailbox) -> None:
    box.restore(box.instance("weekly", at(23, 9)))
    box.restore("call4")
    box.move("sites", at(10).date())
    box.answer("call0", ANN)
    box.cancel("new")


ROUNDS = (first_days, second_days, third_days)


STORY = [
    "…→2 moved [03-16T10:00] 03-16T10:00 → 03-17T10:00 by seller_or_unknown",
    "2→3 answer_changed ann@acme.example none → accepted",
    "2→3 answer_changed bob@acme.example none → declined",
    "2→3 cancelled [03-16] by seller_or_unknown",
    "2→3 cancelled [03-23T10:00] by seller_or_unknown",
    "2→3 cancelled by seller_or_unknown",
    "2→3 created - → 03-19T11:00 by seller at 03-03T09:00",
    "2→3 moved 03-10T11:00 → 03-20T11:00 by seller_or_unknown",
    "2→3 moved 03-11T11:00 → 03-21T11:00 by seller_or_unknown",
    "2→3 moved 03-12T11:00 → 03-22T11:00 by seller_or_unknown",
    "2→3 person_removed bob@acme.example none → -",
    "2→3 series_moved 04-06T10:00 → 04-07T10:00 by seller_or_unknown",
    "2→3 series_split - → 04-07T10:00",
    "3→4 answer_changed ann@acme.example none → accepted",
    "3→4 cancelled by seller_or_unknown",
    "3→4 restored",
    "3→4 restored [03-17]",
    "3→4 restored [03-23T10:00]",
    "3→4 series_moved 03-09 → 03-10 by seller_or_unknown",
]


@pytest.mark.parametrize("fault", [*FAULTS, *FATAL])
def test_what_goes_wrong_on_a_page_changes_nothing_in_the_end(pair: Pair, fault: str) -> None:
    what, times = {**FAULTS, **FATAL}[fault]
    hit = []

    def seen(service: GoogleService, request: Request, due: Callable[[], Reply]) -> Reply:
        hit.append(request.page)
        return what(service, request, due)

    for page, happens in enumerate(ROUNDS, 1):
        happens(pair.box)
        failed = pair.sync(lambda service, page=page: service.fault(seen, times, page=page))  # type: ignore[misc]
        assert failed is (fault in FATAL)
        assert page in hit

    assert pair.peace.story() == STORY
    assert pair.trouble.story() == STORY
    assert pair.peace.gaps() == []
    assert pair.trouble.gaps() == ([("2", "3", FORGOTTEN), ("3", "4", FORGOTTEN)] if what is GONE else [])
    pair.agree()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_items_that_come_on_two_pages_count_once(pair: Pair, size: int) -> None:
    pair.service.pages.size = size

    for happens in ROUNDS:
        happens(pair.box)
        pair.sync(lambda service: setattr(service.pages, "overlap", 2))

    assert pair.trouble.story() == STORY
    pair.agree()


def test_what_changes_between_two_pages_is_told_once_by_this_sync_or_the_next(pair: Pair) -> None:
    def meanwhile(service: GoogleService) -> None:
        pair.box.move("call1", at(25))
        pair.box.cancel("call9")
        pair.box.cancel_instance("weekly", at(30, 8))

    first_days(pair.box)
    pair.box.add("Late call", at(26), attendees=[ANN], event_id="call9")
    pair.sync()
    second_days(pair.box)
    pair.sync(lambda service: service.fault(faults.meanwhile(meanwhile), page=2))
    pair.sync()

    assert pair.trouble.story() == pair.peace.story()
    assert [line for line in pair.trouble.story() if line.startswith("3→4")] == [
        "3→4 cancelled [03-30T10:00] by seller_or_unknown",
        "3→4 cancelled by seller_or_unknown",
        "3→4 moved 03-21T11:00 → 03-25T11:00 by seller_or_unknown",
    ]


# --- whatever happens, in whatever order ----------------------------------------------------------------------------


def names(box: Agenda) -> list[str]:
    return [name for name in box.ids() if box.item(name)["status"] != "cancelled"]


def dates(box: Agenda, name: str) -> list[datetime]:
    item = box.item(name)
    return [each for each in occurrences(item, at(1, month=5)) if isinstance(each, datetime) and each > at(8)]


def act(box: Mailbox, what: str, which: int, when: int) -> None:
    """Do one thing to one of the events that are there; nothing where there is none that fits."""
    alive = names(box)
    name = alive[which % len(alive)]
    series = [each for each in alive if "recurrence" in box.item(each)]
    one = series[which % len(series)] if series else None
    day = at(9 + when % 20, 8 + when % 7)
    match what:
        case "add":
            box.add(f"Call {len(box.ids())}", day, attendees=[ANN, BOB][: 1 + when % 2])
        case "repeat":
            box.add("Weekly", day, attendees=[ANN], recurrence=f"RRULE:FREQ=WEEKLY;COUNT={3 + when % 6}")
        case "move":
            box.move(name, day, reset_answers=when % 2 == 0)
        case "answer":
            box.answer(name, box.item(name)["attendees"][-1]["email"], ["accepted", "declined", "tentative"][when % 3])
        case "cancel":
            box.cancel(name, bare=when % 2 == 0)
        case "invite":
            box.invite(name, f"guest{when}@acme.example")
        case "hide":
            box.make_private(name)
        case "shorten" if one:
            box.change(one, recurrence=[f"RRULE:FREQ=WEEKLY;COUNT={2 + when % 6}"])
        case _ if one and (starts := dates(box, one)):
            original = starts[when % len(starts)]
            match what:
                case "split":
                    box.split(one, original, original + timedelta(hours=when % 3))
                case "move one":
                    box.move_instance(one, original, original + timedelta(hours=1 + when % 30))
                case "cancel one":
                    box.cancel_instance(one, original)
                case "restore one" if box.instance(one, original) in box.ids():
                    box.restore(box.instance(one, original))


ACTS = st.tuples(
    st.sampled_from(
        "add repeat move answer cancel invite hide shorten split move-one cancel-one restore-one".replace(
            "-one", "_one"
        ).split()
    ).map(lambda word: word.replace("_", " ")),
    st.integers(0, 30),
    st.integers(0, 30),
)
TROUBLE = st.tuples(st.sampled_from(sorted(FAULTS | FATAL)), st.integers(1, 3))
DAYS = st.lists(st.tuples(st.lists(ACTS, min_size=1, max_size=5), TROUBLE), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pytest.MonkeyPatch.context() as patch, GoogleService() as service:
        patch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
        yield Pair(service, tmp_path_factory.mktemp("pair"))


@pytest.mark.no_cover  # other tests run every line of it
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(days=DAYS)
def test_any_days_with_any_trouble_are_told_like_days_in_peace(
    template: Pair, days: list[tuple[list[tuple[str, int, int]], tuple[str, int]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder, template.copy(Path(folder)) as pair:
        pair.box.add("Kick-off", at(10), attendees=[ANN])
        pair.sync()
        for acts, (fault, page) in days:
            for what, which, when in acts:
                if names(pair.box):
                    act(pair.box, what, which, when)
            what_fails, times = {**FAULTS, **FATAL}[fault]
            pair.sync(lambda service, what=what_fails, times=times, page=page: service.fault(what, times, page=page))  # type: ignore[misc]

        pair.agree()


# --- killed ---------------------------------------------------------------------------------------------------------

KILLS = int(os.environ.get("CALSIGNAL_KILLS", "6"))
REPS = ("rep@ours.example", "sam@ours.example")
SUICIDE = """
import os, signal, sqlalchemy
left = [int(os.environ["KILL_AT"])]
def count(*args):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
def written(connection, cursor, statement, *more):
    if statement.split()[0] in ("INSERT", "UPDATE", "DELETE"):
        count()
sqlalchemy.event.listen(sqlalchemy.Engine, "after_cursor_execute", written)
sqlalchemy.event.listen(sqlalchemy.Engine, "commit", count)
import atexit
atexit.register(lambda: print(-left[0], file=open(os.environ["KILL_COUNT"], "w")))
"""
"""Lets a process kill itself after so many statements that write, or right before so many commits."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """Return two calendars, read while they were empty, in a service on the real clock with small pages."""
    with GoogleService() as service:
        service.now = datetime.now(UTC).replace(microsecond=0)
        service.pages.size = 20
        made = Home(tmp_path / "home", service)
        made.settle()
        made.ok("accounts", "add", "Acme", "acme.example", "--address", "pal@elsewhere.example")
        for rep in REPS:
            service.mailbox(rep)
            assert made.sign_in(rep)[0] == 0
        begin(service)
        made.ok("sync")
        yield made


def begin(service: GoogleService) -> None:
    for rep in REPS:
        box = service.mailbox(rep)
        for number in range(60):
            start = service.now + timedelta(days=number % 40 - 10, hours=number % 7)
            rule = "RRULE:FREQ=WEEKLY;COUNT=6" if number % 13 == 0 else ()
            people = [BOB, ANN, *REPS] if number % 5 == 0 else [BOB]
            box.add(f"Call {number}", start, attendees=people, recurrence=rule, event_id=f"{rep[:3]}{number}")


def go_on(service: GoogleService) -> None:
    for rep in REPS:
        box = service.mailbox(rep)
        for number in range(60):
            name, what = f"{rep[:3]}{number}", number % 6
            if "recurrence" in box.item(name):
                dates = [d for d in occurrences(box.item(name), service.now + timedelta(days=90)) if d > service.now]
                box.move_instance(name, dates[0], dates[0] + timedelta(hours=3))
                box.cancel_instance(name, dates[1])
            elif what == 1:
                box.move(name, service.now + timedelta(days=30, hours=number), reset_answers=True)
            elif what == 2:
                box.answer(name, BOB)
            elif what == 3:
                box.cancel(name, bare=number % 2 == 0)


def gone(process: subprocess.Popen[str]) -> bool:
    """Wait for a process; say whether it was killed."""
    with process:
        process.communicate(timeout=120)
    return process.returncode == -signal.SIGKILL


def killed_at_page(home: Home, number: int) -> bool:
    """Kill a sync from outside in the moment in which it asks for its page `number`."""
    begun: list[subprocess.Popen[str]] = []
    home.service.fault(faults.meanwhile(lambda service: begun[0].kill()), after=number - 1)
    begun.append(home.start("sync"))
    dead = gone(begun[0])
    home.service.heal()
    return dead


def killed_at_statement(home: Home, number: int) -> bool:
    home.before, home.more = SUICIDE, {"KILL_AT": str(number), "KILL_COUNT": str(home.folder / "count")}
    dead = gone(home.start("sync"))
    home.before, home.more = "", {}
    return dead


def killed_after(home: Home, seconds: float) -> bool:
    process = home.start("sync")
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    return gone(process)


def test_a_sync_killed_while_pages_come_leaves_what_a_clean_one_leaves(home: Home, tmp_path: Path) -> None:
    clean = home.twin(tmp_path / "clean")
    go_on(home.service)
    clean.ok("sync")

    dead = [killed_at_page(home, number) for number in (1, 2, 3, 5)]
    home.ok("sync")

    assert dead == [True] * 4
    expected = clean.knows()
    assert home.knows() == expected
    assert len(expected[1]) > 40


def test_a_sync_killed_inside_a_transaction_leaves_what_a_clean_one_leaves(home: Home, tmp_path: Path) -> None:
    clean = home.twin(tmp_path / "clean")
    go_on(home.service)
    assert not killed_at_statement(clean, -1)
    statements = int((clean.folder / "count").read_text()) - 1
    dice = random.Random(7)

    points = sorted({1, statements, *dice.sample(range(2, statements), min(KILLS // 2, statements - 2))})
    dead = [killed_at_statement(home, point) for point in points]
    home.ok("sync")

    assert sum(dead) >= len(points) // 2  # a calendar that was written before the death has less to write after it
    assert home.knows() == clean.knows()


def test_a_sync_killed_at_any_time_leaves_what_a_clean_one_leaves(home: Home, tmp_path: Path) -> None:
    clean = home.twin(tmp_path / "clean")
    go_on(home.service)
    started = time.monotonic()
    clean.ok("sync")
    usual = time.monotonic() - started
    dice = random.Random(8)

    dead = [killed_after(home, dice.uniform(usual / 3, usual)) for _ in range(KILLS // 2)]
    home.ok("sync")

    assert any(dead)
    assert home.knows() == clean.knows()


def test_a_first_sync_that_is_killed_invents_nothing(home: Home, tmp_path: Path) -> None:
    fresh = Home(tmp_path / "fresh", home.service)
    fresh.settle()
    fresh.ok("accounts", "add", "Acme", "acme.example", "--address", "pal@elsewhere.example")
    assert fresh.sign_in()[0] == 0
    clean = fresh.twin(tmp_path / "clean")
    clean.ok("sync")

    dead = [killed_at_page(fresh, 2), killed_at_statement(fresh, 3), killed_at_page(fresh, 3)]
    fresh.ok("sync")

    assert dead == [True] * 3
    assert fresh.knows() == clean.knows()
    assert clean.knows()[1] == []
