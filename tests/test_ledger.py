from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import Attendee, Event
from calsignal.directory import Directory
from calsignal.ledger import (
    Action,
    Add,
    Erase,
    Expansion,
    Extend,
    Implausible,
    Kept,
    Name,
    OpenCopy,
    Pulled,
    Redactor,
    Retitle,
    Supersede,
    compare,
    due_for_extension,
    emptied,
    is_external,
    lies_ahead,
    missing,
    person_key,
    tidy,
)
from calsignal.model import Account, Answer, Booking, Capability, Confidence, EventStatus, Moment, Role, Slot

SECRET = b"a key of this team"
NOW = datetime(2026, 3, 16, 18, tzinfo=UTC)
WHEN = Slot(datetime(2026, 3, 20, 10, tzinfo=UTC), datetime(2026, 3, 20, 11, tzinfo=UTC))
UNTIL = datetime(2026, 9, 12, tzinfo=UTC)
DIRECTORY = Directory(
    team_domains=frozenset({"ours.example"}),
    accounts=(Account("Acme", domains=("acme.example",)),),
    ignored_addresses=frozenset({"bot@acme.example", "board@ours.example"}),
)
REDACTOR = Redactor(DIRECTORY, SECRET)
ANN = Attendee("ann@acme.example")
REP = Attendee("rep@ours.example")


def event(*addresses: str, **more: object) -> Event:
    base = Event(
        id="e1",
        uid="u1@calendar.example",
        slot=WHEN,
        organizer="rep@ours.example",
        attendees=tuple(Attendee(a) for a in addresses or ("rep@ours.example", "ann@acme.example")),
        subject="Pricing",
        created=datetime(2026, 3, 1, tzinfo=UTC),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def kept(said: Event | None = None, redactor: Redactor = REDACTOR) -> Kept:
    found = redactor.redact(said or event())
    assert found is not None
    return found


def opened(what: Kept, row: int = 1, expansion: Expansion | None = None) -> OpenCopy:
    return OpenCopy(row, what.event, what.uid, what.original_start, what.subject, what.state, expansion)


def expand(recurrence: str) -> Expansion:
    first = datetime(2026, 3, 20, 10, tzinfo=UTC)
    return Expansion(tuple(first + timedelta(days=7 * n) for n in range(len(recurrence))), UNTIL)


def heard(before: Kept, after: Kept | None) -> list[Action]:
    """Compare one event as known with the same event as pulled."""
    return compare({"e1": opened(before)}, Pulled(kept={"e1": after}), DIRECTORY, expand)


# --- redaction --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", ["private", "draft"])
def test_private_events_and_drafts_are_not_kept(mark: str) -> None:
    assert REDACTOR.redact(event(**{mark: True})) is None


def test_the_addresses_of_sellers_and_matched_buyers_are_kept() -> None:
    people = kept(event("rep@ours.example", "Ann+x@Acme.example")).state.people

    assert {p.email for p in people} == {"rep@ours.example", "ann@acme.example"}


def test_of_an_unmatched_person_only_a_key_and_the_domain_are_kept() -> None:
    [stranger] = kept(event("max@cedar.example", organizer=None)).state.people

    assert (stranger.email, stranger.domain) == (None, "cedar.example")
    assert stranger.person == person_key(SECRET, "max@cedar.example")
    assert "max" not in repr(stranger)


def test_a_subject_is_kept_only_where_a_buyer_is_matched() -> None:
    assert kept(event("rep@ours.example", "ann@acme.example")).subject == "Pricing"
    assert kept(event("rep@ours.example", "max@cedar.example")).subject is None
    assert kept(event(subject="")).subject == ""  # known to be empty, so it need not be read again
    assert kept(redactor=replace(REDACTOR, subjects=False)).subject is None


def test_the_address_of_a_room_is_not_kept() -> None:
    found = kept(event(attendees=(Attendee("room1@acme.example", resource=True),))).state.people

    room = next(p for p in found if p.resource)
    assert room.email is None


@pytest.mark.parametrize("address", ["bot@acme.example", "board@ours.example"])
def test_an_ignored_address_stays_ignored_once_it_is_a_key(address: str) -> None:
    found = kept(event(address, organizer=None)).state.people

    assert [p.email for p in found] == [None]
    assert [DIRECTORY.who(p).role for p in found] == [Role.RESOURCE]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann@acme.example", "ANN@ACME.example"),
        ("ann@acme.example", "ann+calendar@acme.example"),
        ("ann@acme.example", "mailto:ann@acme.example"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
        ("Conference Room 1", "conference room 1"),
    ],
)
def test_a_person_is_one_person_however_the_address_is_written(one: str, other: str) -> None:
    assert person_key(SECRET, one) == person_key(SECRET, other)


def test_a_person_key_needs_the_secret_and_tells_people_apart() -> None:
    assert person_key(SECRET, "ann@acme.example") != person_key(b"another", "ann@acme.example")
    assert person_key(SECRET, "ann@acme.example") != person_key(SECRET, "bob@acme.example")


def test_the_organizer_is_on_the_list_once() -> None:
    absent = kept(event("ann@acme.example")).state
    present = kept(event("Rep@ours.example", "ann@acme.example")).state

    assert len(absent.people) == len(present.people) == 2
    assert absent.organizer == present.organizer == person_key(SECRET, "rep@ours.example")
    assert kept(event(organizer=None)).state.organizer is None


def test_an_address_that_is_listed_twice_is_one_person_with_the_better_answer() -> None:
    twice = (Attendee("ann@acme.example"), Attendee("ANN@acme.example", Answer.ACCEPTED))

    people = kept(event(attendees=twice, organizer=None)).state.people

    assert [p.answer for p in people] == [Answer.ACCEPTED]


def test_what_is_no_address_is_a_key_without_a_domain() -> None:
    [odd] = kept(event("not an address", organizer=None)).state.people

    assert (odd.email, odd.domain) == (None, "")


def test_everything_else_is_carried_over() -> None:
    proposed = Slot(WHEN.start + timedelta(days=1), WHEN.end + timedelta(days=1))
    ann = Attendee(
        "ann@acme.example",
        Answer.TENTATIVE,
        NOW,
        optional=True,
        resource=False,
        group=True,
        guests=2,
        proposed=proposed,
    )
    booking = Booking("calendly", Confidence.LIKELY)
    said = event(
        attendees=(ann,),
        status=EventStatus.TENTATIVE,
        free=True,
        hidden_guests=True,
        recurrence="RRULE",
        booking=booking,
        original_start=date(2026, 3, 20),
        sees=frozenset({Capability.ANSWERS}),
    )

    found = kept(said)

    row = next(p for p in found.state.people if p.email == "ann@acme.example")
    assert (row.answer, row.answered_at, row.optional, row.group, row.guests) == (Answer.TENTATIVE, NOW, True, True, 2)
    assert row.proposed == proposed
    assert (found.state.status, found.state.free, found.state.hidden_guests) == (EventStatus.TENTATIVE, True, True)
    assert (found.state.recurrence, found.state.booking, found.original_start) == ("RRULE", booking, date(2026, 3, 20))
    assert (found.created, found.state.sees) == (said.created, frozenset({Capability.ANSWERS}))


def test_the_uid_is_normalised() -> None:
    assert kept(event(uid="abc_R20260305T100000@google.com")).uid == "abc@google.com"


@pytest.mark.parametrize(
    ("address", "external"),
    [("ann@acme.example", True), ("max@cedar.example", True), ("two@ours.example", False), ("bot@acme.example", False)],
)
def test_an_event_is_external_when_somebody_from_outside_is_on_it(address: str, external: bool) -> None:
    assert is_external(kept(event("rep@ours.example", address)), DIRECTORY) is external


# --- what a store can hold ------------------------------------------------------------------------------------------


def test_text_that_no_database_takes_is_replaced() -> None:
    said = event(
        "a\0@acme.example", id="e\0", uid="u\ud800", subject="\udfffé", recurrence="R\0", organizer="o\0@x.example"
    )

    tidied = tidy(said)

    assert (tidied.id, tidied.uid, tidied.subject) == ("e\ufffd", "u\ufffd", "\ufffdé")
    assert tidied.recurrence == "R\ufffd"
    assert [a.address for a in tidied.attendees] == ["a\ufffd@acme.example"]
    assert tidy(event(organizer=None)).organizer is None


@pytest.mark.parametrize(("guests", "kept_guests"), [(-3, 0), (2, 2), (10**9, 1000)])
def test_a_number_of_companions_is_kept_within_reason(guests: int, kept_guests: int) -> None:
    said = event(attendees=(replace(ANN, guests=guests),))

    assert [a.guests for a in tidy(said).attendees] == [kept_guests]


def test_what_is_tidy_stays_as_it_is() -> None:
    assert tidy(event()) == event()


@pytest.mark.parametrize(
    "more",
    [
        {"slot": Slot(date(9998, 1, 1), date(9998, 1, 2))},
        {"slot": Slot(date(101, 1, 1), date(101, 1, 2))},
        {"slot": Slot(WHEN.end, WHEN.start)},
        {"slot": Slot(WHEN.start, date(2026, 3, 21))},
        {"original_start": date(1, 1, 1)},
        {"attendees": (Attendee("ann@acme.example", proposed=Slot(WHEN.end, WHEN.start)),)},
    ],
)
def test_an_event_that_cannot_be_about_a_meeting_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(Implausible):
        tidy(event(**more))


# --- comparison -------------------------------------------------------------------------------------------------------


def test_a_new_external_event_is_added() -> None:
    said = kept()

    assert compare({}, Pulled(kept={"e1": said}), DIRECTORY, expand) == [Add(said, None)]


def test_an_internal_event_is_not_stored() -> None:
    said = kept(event("rep@ours.example", "two@ours.example"))

    assert compare({}, Pulled(kept={"e1": said}), DIRECTORY, expand) == []


def test_a_private_event_that_was_never_stored_is_nothing() -> None:
    assert compare({}, Pulled(kept={"e1": None}), DIRECTORY, expand) == []


def test_an_event_that_became_private_is_erased() -> None:
    assert heard(kept(), None) == [Erase(1)]


def test_a_new_series_is_added_with_its_starts() -> None:
    said = kept(event(recurrence="RRULE"))

    assert compare({}, Pulled(kept={"e1": said}), DIRECTORY, expand) == [Add(said, expand("RRULE"))]


@pytest.mark.parametrize(
    "more",
    [
        {"slot": WHEN.starting(datetime(2026, 3, 21, 10, tzinfo=UTC))},
        {"slot": Slot(WHEN.start, datetime(2026, 3, 20, 12, tzinfo=UTC))},
        {"slot": Slot(date(2026, 3, 20), date(2026, 3, 21))},
        {"status": EventStatus.TENTATIVE},
        {"status": EventStatus.CANCELLED},
        {"organizer": "ann@acme.example"},
        {"attendees": (REP, replace(ANN, answer=Answer.ACCEPTED))},
        {"attendees": (REP, replace(ANN, answered_at=NOW))},
        {"attendees": (REP, replace(ANN, optional=True))},
        {"attendees": (REP, replace(ANN, guests=1))},
        {"attendees": (REP, replace(ANN, group=True))},
        {"attendees": (REP, replace(ANN, proposed=WHEN))},
        {"attendees": (REP, ANN, Attendee("bob@acme.example"))},
        {"attendees": (REP, Attendee("bob@acme.example"))},
        {"free": True},
        {"hidden_guests": True},
        {"recurrence": "RRULE"},
        {"booking": Booking("calendly", Confidence.LIKELY)},
    ],
)
def test_a_meaningful_change_is_one_version(more: dict[str, object]) -> None:
    after = kept(event(**more))

    actions = heard(kept(), after)

    assert actions == [Supersede(1, after.state, expand("RRULE") if "recurrence" in more else None)]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"attendees": (ANN, REP)},
        {"attendees": (Attendee("ANN@acme.example"), REP)},
        {"created": NOW},
        {"sees": frozenset({Capability.GUESTS})},
    ],
)
def test_what_means_nothing_is_no_version(more: dict[str, object]) -> None:
    assert heard(kept(), kept(event(**more))) == []


def test_a_new_subject_is_kept_without_a_version() -> None:
    assert heard(kept(), kept(event(subject="Prices"))) == [Retitle(1, "Prices")]
    assert heard(kept(), kept(event(subject=""))) == [Retitle(1, "")]


def test_the_subject_goes_when_the_last_buyer_does() -> None:
    alone = kept(event(attendees=(REP,)))

    assert heard(kept(), alone) == [Supersede(1, alone.state), Retitle(1, None)]


def test_the_subject_of_a_cancelled_event_stays() -> None:
    off = kept(event(subject="Canceled: Pricing", status=EventStatus.CANCELLED))

    assert heard(kept(), off) == [Supersede(1, off.state, None)]


def test_a_name_is_filled_in_without_a_version() -> None:
    stranger = Redactor(Directory(team_domains=frozenset({"ours.example"})), SECRET)

    actions = heard(kept(redactor=stranger), kept(event(subject="Pricing")))

    assert actions == [Name(person_key(SECRET, "ann@acme.example"), "ann@acme.example"), Retitle(1, "Pricing")]


def test_what_the_service_deleted_is_cancelled_and_what_is_only_absent_has_vanished() -> None:
    known = {name: opened(replace(kept(), event=name), row) for row, name in enumerate(["a", "b", "c"])}
    pulled = Pulled(removed=frozenset({"a", "unknown"}), gone=frozenset({"b"}))

    actions = compare(known, pulled, DIRECTORY, expand)

    state = kept().state
    assert actions == [
        Supersede(0, replace(state, status=EventStatus.CANCELLED)),
        Supersede(1, replace(state, status=EventStatus.VANISHED)),
    ]


def test_what_is_gone_already_goes_only_once() -> None:
    off = opened(kept(event(status=EventStatus.CANCELLED)))

    assert compare({"e1": off}, Pulled(removed=frozenset({"e1"})), DIRECTORY, expand) == []
    assert compare({"e1": off}, Pulled(gone=frozenset({"e1"})), DIRECTORY, expand) == []


def test_an_event_that_is_listed_and_named_as_removed_is_there() -> None:
    pulled = Pulled(kept={"e1": kept()}, removed=frozenset({"e1"}))

    assert compare({"e1": opened(kept())}, pulled, DIRECTORY, expand) == []


def test_an_event_that_comes_back_is_restored_by_its_state() -> None:
    off = kept(event(status=EventStatus.CANCELLED))

    assert heard(off, kept()) == [Supersede(1, kept().state)]


def test_a_series_that_is_removed_keeps_its_known_starts() -> None:
    series = opened(kept(event(recurrence="RRULE")), expansion=expand("RRULE"))

    [action] = compare({"e1": series}, Pulled(removed=frozenset({"e1"})), DIRECTORY, expand)

    assert isinstance(action, Supersede)
    assert action.expansion == expand("RRULE")


# --- missing, emptied, extension --------------------------------------------------------------------------------------


def at_day(offset: int, name: str = "e1", **more: object) -> OpenCopy:
    """Return an open copy that starts so many days after now."""
    start = NOW + timedelta(days=offset)
    return opened(replace(kept(event(slot=Slot(start, start + timedelta(hours=1)), uid=name, **more)), event=name))


def test_a_full_list_misses_what_lies_ahead_and_was_not_heard_of() -> None:
    known = {
        "ahead": at_day(1),
        "past": at_day(-1),
        "heard": at_day(1),
        "removed": at_day(1),
        "unread": at_day(1),
        "cancelled": at_day(1, status=EventStatus.CANCELLED),
    }
    pulled = Pulled({"heard": kept()}, removed=frozenset({"removed"}), unread=frozenset({"unread"}), full=True)

    assert missing(known, pulled, NOW, UTC) == ("ahead",)


def test_a_list_of_changes_misses_nothing() -> None:
    assert missing({"e1": at_day(1)}, Pulled(), NOW, UTC) == ()


def test_a_private_event_on_the_list_is_not_missing() -> None:
    assert missing({"e1": at_day(1)}, Pulled(kept={"e1": None}, full=True), NOW, UTC) == ()


def test_an_event_that_has_just_begun_is_never_missing() -> None:
    assert missing({"e1": at_day(0)}, Pulled(full=True), NOW, UTC) == ()


def test_a_series_lies_ahead_as_long_as_one_of_its_dates_does() -> None:
    old: tuple[Moment, ...] = (NOW - timedelta(days=14), NOW - timedelta(days=7))
    said = kept(event(recurrence="RRULE", slot=Slot(old[0], NOW - timedelta(days=14) + timedelta(hours=1))))

    assert not lies_ahead(opened(said, expansion=Expansion(old, UNTIL)), NOW, UTC)
    assert lies_ahead(opened(said, expansion=Expansion((*old, NOW + timedelta(days=1)), UNTIL)), NOW, UTC)
    assert not lies_ahead(opened(said, expansion=Expansion((), UNTIL)), NOW, UTC)


def test_a_day_begins_at_midnight_of_the_team() -> None:
    day = opened(kept(event(slot=Slot(date(2026, 3, 17), date(2026, 3, 18)))))

    assert lies_ahead(day, NOW, UTC)
    assert not lies_ahead(day, NOW, ZoneInfo("Asia/Tokyo"))  # there it is 03:00 on the 17th


def calendar(ahead: int, past: int = 0) -> dict[str, OpenCopy]:
    future = {f"f{n:02}": at_day(1 + n, f"f{n:02}") for n in range(ahead)}
    return future | {f"p{n:02}": at_day(-1 - n, f"p{n:02}") for n in range(past)}


@pytest.mark.parametrize(
    ("ahead", "lost", "held"),
    [
        (10, 5, False),  # exactly half
        (10, 6, True),
        (11, 5, False),
        (11, 6, True),
        (9, 9, False),  # too few to be suspicious
        (10, 10, True),
    ],
)
def test_a_calendar_that_loses_over_half_of_ten_or_more_is_held(ahead: int, lost: int, held: bool) -> None:
    why = emptied(calendar(ahead), [f"f{n:02}" for n in range(lost)], NOW, UTC)

    assert why == (f"{lost} of {ahead} future events disappeared at once" if held else None)


def test_the_past_does_not_count_for_a_hold() -> None:
    assert emptied(calendar(9, past=20), [f"f{n:02}" for n in range(9)], NOW, UTC) is None


def test_a_series_and_its_exceptions_are_one_event_for_a_hold() -> None:
    series = {f"x{n}": replace(at_day(1 + n, "s"), event=f"x{n}") for n in range(12)}

    assert emptied({**calendar(9), **series}, [*series], NOW, UTC) is None  # one of ten


def test_cancelled_events_do_not_count_for_a_hold() -> None:
    off = {f"c{n}": at_day(1, f"c{n}", status=EventStatus.CANCELLED) for n in range(10)}

    assert emptied({**calendar(9), **off}, [*calendar(9)], NOW, UTC) is None


def test_a_living_series_is_due_for_extension_when_its_dates_run_out() -> None:
    series = kept(event(recurrence="RRULE"))
    short = opened(series, 1, Expansion((), UNTIL))
    known = {
        "short": short,
        "long": opened(series, 2, Expansion((), UNTIL + timedelta(days=1))),
        "single": opened(kept(), 3),
        "gone": opened(kept(event(recurrence="RRULE", status=EventStatus.CANCELLED)), 4, Expansion((), UNTIL)),
    }

    assert due_for_extension(known, UNTIL + timedelta(days=1)) == (short,)
    assert due_for_extension(known, UNTIL) == ()


# --- the law ----------------------------------------------------------------------------------------------------------


class Model:
    """The simplest store that could be: it carries out what was decided."""

    def __init__(self) -> None:
        self.rows: dict[int, OpenCopy] = {}
        self.number = 0

    @property
    def known(self) -> Mapping[str, OpenCopy]:
        return {c.event: c for c in self.rows.values()}

    def write(self, actions: Iterable[Action]) -> None:
        for action in actions:
            self._write(action)

    def _write(self, action: Action) -> None:
        match action:
            case Add(what, expansion):
                self.number += 1
                self.rows[self.number] = opened(what, self.number, expansion)
            case Supersede(row, state, expansion):
                self.rows[row] = replace(self.rows[row], state=state, expansion=expansion)
            case Retitle(row, subject):
                self.rows[row] = replace(self.rows[row], subject=subject)
            case Extend(row, expansion):
                self.rows[row] = replace(self.rows[row], expansion=expansion)
            case Erase(row):
                del self.rows[row]
            case Name(person, email):
                for row, copy in self.rows.items():
                    people = tuple(replace(p, email=email) if p.person == person else p for p in copy.state.people)
                    self.rows[row] = replace(copy, state=replace(copy.state, people=people))


ADDRESSES = st.sampled_from(["ann@acme.example", "bob@acme.example", "max@cedar.example", "two@ours.example"])
GUESTS = st.builds(
    Attendee, ADDRESSES, st.sampled_from(Answer), st.sampled_from([None, NOW]), st.booleans(), guests=st.integers(0, 2)
)
EVENTS = st.builds(
    event,
    uid=st.sampled_from(["u1", "u2"]),
    slot=st.sampled_from([WHEN, WHEN.starting(NOW), Slot(date(2026, 3, 20), date(2026, 3, 21))]),
    attendees=st.lists(GUESTS, max_size=4).map(tuple),
    subject=st.sampled_from(["", "Pricing", "Contract"]),
    status=st.sampled_from([EventStatus.CONFIRMED, EventStatus.TENTATIVE, EventStatus.CANCELLED]),
    private=st.booleans(),
    recurrence=st.sampled_from([None, "RRULE", "OTHER"]),
    free=st.booleans(),
)
IDS = st.sampled_from(["a", "b", "c", "d"])
PULLS = st.tuples(st.dictionaries(IDS, EVENTS), st.frozensets(IDS), st.frozensets(IDS))


def pulled_of(said: Mapping[str, Event], removed: frozenset[str], gone: frozenset[str]) -> Pulled:
    return Pulled({k: REDACTOR.redact(replace(e, id=k)) for k, e in said.items()}, removed=removed, gone=gone)


@given(st.lists(PULLS, min_size=1, max_size=4))
def test_after_a_pull_the_store_says_what_the_calendar_says(pulls: list[tuple[dict[str, Event], ...]]) -> None:
    store = Model()

    for said, removed, gone in pulls:
        before = set(store.known)
        pulled = pulled_of(said, removed, gone)  # type: ignore[arg-type]
        store.write(compare(store.known, pulled, DIRECTORY, expand))

        for name, found in pulled.kept.items():
            if found is None or (name not in before and not is_external(found, DIRECTORY)):
                assert name not in store.known
            else:
                stored = store.known[name]
                assert replace(stored.state, sees=found.state.sees) == found.state
                assert stored.subject == found.subject or found.state.status.gone
        for name in ((pulled.removed | pulled.gone) & before) - pulled.kept.keys():
            assert store.known[name].state.status.gone
        assert compare(store.known, pulled, DIRECTORY, expand) == []


@given(PULLS)
def test_the_order_of_what_was_heard_does_not_matter(pull: tuple[dict[str, Event], ...]) -> None:
    pulled = pulled_of(*pull)  # type: ignore[arg-type]
    backwards = replace(pulled, kept=dict(reversed(list(pulled.kept.items()))))

    assert compare({}, pulled, DIRECTORY, expand) == compare({}, backwards, DIRECTORY, expand)
