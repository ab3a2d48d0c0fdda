"""Sync against a fake provider: what is written, what is not, and what failing does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calsignal.analysis import account_report, digest, suggestions
from calsignal.contract import Attendee, Event
from calsignal.errors import CursorExpired, InputError, NeedsSignIn
from calsignal.ledger import LONGEST_ID
from calsignal.model import Account, Answer, ChangeKind, EventStatus, Skipped, Slot, Status
from calsignal.store import open_store
from calsignal.team import forget_strangers
from databases import everything, execute
from fake_provider import EPOCH, FakeProvider
from remote_world import ANN, OTHER, REP, World, event, weekly


@pytest.fixture
def world(url: str) -> Iterator[World]:
    with open_store(url) as store:
        store.add_account(Account("Acme", ("acme.example",)))
        yield World(store, url)


def test_syncing_twice_writes_nothing_more(world: World) -> None:
    world.remote().put(event(), weekly())
    world.sync()
    before = world.copies()

    outcomes = world.next_day()

    assert [o.written for o in outcomes] == [0]
    assert [c.versions for c in world.copies()] == [c.versions for c in before]


def test_a_new_subject_is_no_version_and_is_read_as_of_its_day(world: World) -> None:
    world.remote().put(event())
    world.sync()
    then = world.clock()
    world.remote().put(event(subject="Renamed"))

    world.next_day()

    (now,) = world.copies()
    (was,) = world.store.history(then, None)
    assert (len(now.versions), now.subject, was.subject) == (1, "Renamed", "Subject of m1")
    assert world.changes() == []


def test_a_move_is_one_version_and_one_change(world: World) -> None:
    world.remote().put(event(day=3))
    world.sync()
    world.remote().put(event(day=10))

    world.next_day()

    assert [len(c.versions) for c in world.copies()] == [2]
    assert world.changes() == [ChangeKind.MOVED]


def test_an_event_that_vanishes_is_asked_for_and_then_marked(world: World) -> None:
    world.remote().put(event("a"), event("b"))
    world.sync()
    world.remote().drop("a")

    world.next_day()

    assert world.remote().asked[-1] == "find a"
    assert world.changes() == [ChangeKind.VANISHED]


def test_an_event_that_is_only_hidden_from_the_list_stays(world: World) -> None:
    world.remote().put(event("a"), event("b"))
    world.sync()
    world.remote().hidden.add("a")

    world.next_day()

    assert world.changes() == []


def test_a_past_event_that_leaves_the_list_stays_as_last_seen(world: World) -> None:
    world.remote().put(event("a", day=1, answer=Answer.ACCEPTED))
    world.sync()
    world.clock.wait(days=3)
    world.remote().drop("a")

    world.sync()

    (copy,) = world.copies()
    assert copy.versions[-1].state.status is EventStatus.CONFIRMED


def test_what_a_delta_reports_as_removed_is_cancelled(world: World) -> None:
    world.remote().deltas = True
    world.remote().put(event("a"))
    world.sync()
    world.remote().drop("a")

    world.next_day()

    assert world.changes() == [ChangeKind.CANCELLED]


def test_a_calendar_that_loses_most_of_its_future_is_held_until_accepted(world: World) -> None:
    world.remote().put(*(event(f"e{n}") for n in range(10)))
    world.sync()
    cursor = world.store.calendars(world.store.connections()[0])[0].cursor
    world.remote().drop(*(f"e{n}" for n in range(6)))

    (held,) = world.next_day()

    assert held.problem == "6 of 10 future events disappeared at once; kept the old ones"
    assert held.hint == "if that is right: calsignal sync --accept fake:rep@ours.example"
    assert world.changes() == []
    assert world.store.calendars(world.store.connections()[0])[0].cursor == cursor
    (state,) = world.store.connection_states(world.clock(), timedelta(hours=24))
    assert state.problem == f"{held.problem}; {held.hint}"

    (believed,) = world.next_day("fake:rep@ours.example")

    assert believed.problem is None
    assert world.changes() == [ChangeKind.VANISHED] * 6


def test_what_became_private_is_erased_even_while_its_calendar_is_held(world: World) -> None:
    remote = world.remote()
    remote.put(*(event(f"m{n}", 3 + n) for n in range(12)))
    world.sync()
    remote.put(event("m0", 3, private=True))
    remote.drop(*(f"m{n}" for n in range(1, 12)))

    (outcome,) = world.next_day()

    assert outcome.problem is not None
    assert [copy.event for copy in world.copies()] == sorted(f"m{n}" for n in range(1, 12))


@pytest.mark.parametrize(("known", "lost"), [(10, 5), (9, 9)])
def test_losing_half_or_a_few_is_believed(world: World, known: int, lost: int) -> None:
    world.remote().put(*(event(f"e{n}") for n in range(known)))
    world.sync()
    world.remote().drop(*(f"e{n}" for n in range(lost)))

    (outcome,) = world.next_day()

    assert outcome.problem is None
    assert len(world.changes()) == lost


def test_an_expired_cursor_compares_with_the_store_and_leaves_a_gap(world: World) -> None:
    remote = world.remote()
    remote.deltas = True
    remote.put(event("a"), event("b"))
    world.sync()
    first = world.clock()
    remote.put(event("a", day=9))
    remote.drop("b")
    remote.expired_before = 99

    world.next_day()

    assert sorted(k.value for k in world.changes()) == ["moved", "vanished"]
    (state,) = world.store.connection_states(world.clock(), timedelta(hours=24))
    assert [g.reason for g in state.gaps] == ["the service had forgotten where we were"]
    assert state.gaps[0].start < first < state.gaps[0].end


def test_one_failing_mailbox_does_not_stop_the_others(world: World) -> None:
    world.remote(OTHER).broken = NeedsSignIn("the sign-in was revoked", "calsignal connect fake")
    world.remote().put(event())

    outcomes = world.sync()

    assert [(o.connection, o.problem) for o in outcomes] == [
        ("fake:other@ours.example", "the sign-in was revoked"),
        ("fake:rep@ours.example", None),
    ]
    assert len(world.copies()) == 1
    states = {state.rep: state.problem for state in world.store.connection_states(world.clock(), timedelta(hours=24))}
    assert states == {OTHER: "needs sign-in: the sign-in was revoked; calsignal connect fake", REP: None}


def test_a_bug_in_a_provider_is_that_connections_problem(world: World) -> None:
    world.remote().broken = KeyError("secret text")

    (outcome,) = world.sync()

    assert outcome.problem == "the provider fake failed (KeyError)"


def test_a_failure_between_pages_writes_nothing(world: World) -> None:
    remote = world.remote()
    remote.put(event("a"))
    world.sync()
    remote.put(event("b"))

    class Half(dict[str, Event]):
        def __getitem__(self, key: str) -> Event:
            raise NeedsSignIn("gone in the middle")

    whole, remote.events = remote.events, Half(remote.events)
    (outcome,) = world.next_day()
    remote.events = whole

    assert outcome.problem == "gone in the middle"
    assert [c.event for c in world.copies()] == ["a"]


def test_private_internal_and_draft_events_are_not_kept(world: World) -> None:
    internal = event("i", attendees=(Attendee(OTHER),))
    world.remote().put(event("p", private=True), event("d", draft=True), internal)

    world.sync()

    assert world.copies() == ()


def test_an_event_that_becomes_private_is_erased_with_its_past(world: World) -> None:
    world.remote().put(event())
    world.sync()
    world.remote().put(event(private=True))

    world.next_day()

    assert world.copies() == ()


def test_strangers_leave_no_address_and_no_subject(world: World) -> None:
    stranger = "stranger@elsewhere.example"
    world.remote().put(
        event("u", attendees=(Attendee(stranger),)), event("m", attendees=(Attendee(ANN), Attendee(stranger)))
    )

    world.sync()
    world.store.close()

    raw = everything(world.url)
    assert b"Subject of m" in raw
    assert ANN.encode() in raw
    assert b"Subject of u" not in raw
    assert b"stranger" not in raw


def test_a_new_account_changes_figures_at_once_and_names_at_the_next_sync(world: World) -> None:
    new = event("n", attendees=(Attendee("bo@new.example", Answer.ACCEPTED),))
    world.remote().deltas = True
    world.remote().put(new)
    world.sync()
    world.store.add_account(Account("New", ("new.example",)))

    at_once = account_report(world.store, world.settings, world.clock(), "New").result
    world.next_day()
    later = account_report(world.store, world.settings, world.clock(), "New").result

    assert (at_once.status, at_once.firm_buyers) == (Status.REAL, ("someone@new.example",))
    assert at_once.meetings[0].subject is None
    assert later.firm_buyers == ("bo@new.example",)
    assert later.meetings[0].subject == "Subject of n"
    assert later.changes == ()
    assert world.remote().asked[-1] == "find n"


@pytest.mark.parametrize("deltas", [False, True])
def test_a_series_is_extended_as_the_window_rolls_without_a_version(world: World, deltas: bool) -> None:
    world.remote().deltas = deltas
    world.remote().put(weekly())
    world.sync()
    before = world.copies()[0].versions[0].occurrences[-1]
    world.clock.wait(days=60)

    world.sync()

    (copy,) = world.copies()
    assert len(copy.versions) == 1
    assert isinstance(before, datetime)
    assert isinstance(copy.versions[0].occurrences[-1], datetime)
    assert copy.versions[0].occurrences[-1] - before >= timedelta(days=28)
    assert len(set(copy.versions[0].occurrences)) == len(copy.versions[0].occurrences)
    assert world.changes() == []


def test_a_series_that_cannot_be_read_is_named_and_takes_nothing_with_it(world: World) -> None:
    world.remote().put(event("good"), weekly("bad", rule="FREQ=SECONDLY"))

    (outcome,) = world.sync()

    assert [c.event for c in world.copies()] == ["good"]
    assert [(s.id, s.source) for s in outcome.skipped] == [("bad", "fake:rep@ours.example")]
    (skipped,) = world.store.skipped_at(world.clock())
    assert skipped.id == "bad"


def test_what_a_provider_skipped_is_listed_as_long_as_it_is(world: World) -> None:
    world.remote().skipped = (Skipped("x", "odd", "no start"),)
    world.sync()
    then = world.clock()
    world.remote().skipped = ()
    world.next_day()

    assert [s.reason for s in world.store.skipped_at(then)] == ["no start"]
    assert world.store.skipped_at(world.clock()) == ()


def test_a_disconnected_calendar_keeps_its_past_and_loses_its_future(world: World) -> None:
    world.remote().put(event("past", day=1, answer=Answer.ACCEPTED), event("soon", day=8, answer=Answer.ACCEPTED))
    world.sync()
    world.clock.wait(days=4)
    world.store.retire("fake:rep@ours.example", world.clock())

    result = account_report(world.store, world.settings, world.clock(), "Acme").result

    assert result.last_held is not None
    assert result.next_meeting is None
    assert {m.uid: m.why_not for m in result.meetings} == {"past@x": "", "soon@x": "calendar disconnected"}
    assert result.rescheduling.dropped == 0


def test_an_unknown_rep_or_account_is_named_with_the_nearest(world: World) -> None:
    world.remote()

    with pytest.raises(InputError, match="no calendar of repp") as rep:
        digest(world.store, world.settings, world.clock(), "repp@ours.example")
    with pytest.raises(InputError, match="no account called Acmee") as name:
        account_report(world.store, world.settings, world.clock(), "Acmee")

    assert rep.value.hint == "did you mean rep@ours.example?"
    assert name.value.hint == "did you mean Acme?"


def test_two_syncs_at_once_write_each_event_once(world: World) -> None:
    world.remote().put(event())
    with open_store(world.url) as second:
        rival = replace(world, store=second)
        original = FakeProvider.open
        calls: list[int] = []

        def racing(self: FakeProvider, access: object) -> object:
            if not calls:
                calls.append(1)
                rival.sync()
            return original(self, access)  # type: ignore[arg-type]

        FakeProvider.open = racing  # type: ignore[method-assign,assignment]
        try:
            world.sync()
        finally:
            FakeProvider.open = original  # type: ignore[method-assign]

    assert execute(world.url, "SELECT count(*) FROM versions") == [(1,)]


def test_as_of_knows_nothing_that_was_seen_later(world: World) -> None:
    world.remote().put(event(day=6))
    world.sync()
    then = world.clock()
    before = digest(world.store, world.settings, then)
    world.remote().put(event(day=6, answer=Answer.ACCEPTED), event("m2"))
    world.next_day()

    again = digest(world.store, world.settings, then)

    assert (again.accounts, again.today, again.changes, again.first_action) == (
        before.accounts,
        before.today,
        before.changes,
        before.first_action,
    )
    assert digest(world.store, world.settings, world.clock()).accounts[0].status is Status.REAL


def test_a_removed_account_leaves_no_address_and_no_subject(world: World) -> None:
    world.remote().put(event(answer=Answer.ACCEPTED))
    world.sync()
    world.store.remove_account("Acme")

    forget_strangers(world.store, world.settings)
    world.store.close()

    raw = everything(world.url)
    assert REP.encode() in raw
    assert ANN.encode() not in raw
    assert b"Subject of" not in raw


@pytest.mark.parametrize(
    "odd",
    [
        event("nul\0id"),
        event("half\ud800id"),
        event("\0" * 3),
        event("s", subject="nul\0 and half \udfff"),
        replace(event("u"), uid="odd\0uid"),
        event("g", attendees=(Attendee(ANN, guests=2**70),)),
        event("a", attendees=(Attendee("odd\0\ud800@acme.example"),)),
    ],
)
def test_text_that_no_database_takes_is_kept_once_and_never_again(world: World, odd: Event) -> None:
    world.remote().put(odd)
    world.sync()
    before = world.copies()

    (outcome,) = world.next_day()

    assert (outcome.problem, outcome.written) == (None, 0)
    assert len(before) == 1
    assert [c.versions for c in world.copies()] == [c.versions for c in before]


def test_an_endless_id_is_skipped_and_named(world: World) -> None:
    endless = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=3000))
    world.remote().put(event("good"), event(endless), event("x" * LONGEST_ID))

    (outcome,) = world.sync()
    world.next_day()

    assert [(one.id, one.reason) for one in outcome.skipped] == [(endless, "its id is too long")]
    assert [copy.event for copy in world.copies()] == ["good", "x" * LONGEST_ID]


@pytest.mark.parametrize("year", [1, 999, 9999])
def test_a_year_out_of_any_calendar_is_skipped_and_named(world: World, year: int) -> None:
    start = datetime(year, 12, 31, 23, tzinfo=UTC)
    world.remote().put(event("good"), event("odd", slot=Slot(start, start)))

    (outcome,) = world.sync()

    assert [(s.id, s.reason) for s in outcome.skipped] == [("odd", "its year is out of any calendar")]
    assert [c.event for c in world.copies()] == ["good"]


def test_an_event_that_ends_before_it_begins_is_skipped_and_named(world: World) -> None:
    slot = event().slot
    world.remote().put(event("odd", slot=Slot(slot.end, slot.start)))

    (outcome,) = world.sync()

    assert [s.reason for s in outcome.skipped] == ["it ends before it begins"]


def test_subjects_that_are_switched_off_are_taken_back(world: World) -> None:
    world.remote().put(event())
    world.sync()
    world.settings = replace(world.settings, privacy=replace(world.settings.privacy, subjects=False))

    world.next_day()

    assert [c.subject for c in world.copies()] == [None]


@pytest.mark.parametrize("reps", [("amy@ours.example", REP), (REP, "zed@ours.example")])
def test_the_order_in_which_calendars_are_read_does_not_matter(world: World, reps: tuple[str, str]) -> None:
    guest = next(rep for rep in reps if rep != REP)
    made = EPOCH + timedelta(hours=1)
    guests = (Attendee(ANN, Answer.ACCEPTED), Attendee(guest, Answer.ACCEPTED))
    organizers = event(attendees=guests, created=made)
    silent = replace(organizers, created=None, attendees=(Attendee(ANN), Attendee(guest, Answer.ACCEPTED)))
    for rep in reps:
        world.remote(rep)
    world.sync()
    world.remote(REP).put(organizers)
    world.remote(guest).put(silent)

    world.next_day()

    report = account_report(world.store, world.settings, world.clock(), "Acme").result
    assert [c.kind for c in report.changes] == [ChangeKind.CREATED]
    (unit,) = report.meetings
    assert unit.level == 3


def test_our_own_unanswered_invitation_is_no_good_news(world: World) -> None:
    world.remote()
    world.sync()
    world.remote().put(event("ours"), event("theirs", organizer=ANN), event("firm", answer=Answer.ACCEPTED))

    world.next_day()

    made = digest(world.store, world.settings, world.clock())
    assert {c.change.uid: c.good for c in made.changes} == {"ours@x": False, "theirs@x": True, "firm@x": True}


def test_what_was_there_at_the_first_sync_is_no_news(world: World) -> None:
    series = weekly()
    apart = replace(event("s1/apart", day=10), uid=series.uid, original_start=series.slot.start + timedelta(days=7))
    world.remote().put(series, apart)

    world.sync()

    assert digest(world.store, world.settings, world.clock()).changes == ()
    assert world.changes() == [ChangeKind.MOVED]


def test_a_new_account_brings_subjects_to_every_calendar_that_shows_it(world: World) -> None:
    guests = (Attendee("bo@new.example", Answer.ACCEPTED), Attendee(OTHER))
    for rep in (OTHER, REP):
        world.remote(rep).deltas = True
        world.remote(rep).put(event("shared", attendees=guests), event(f"own-{rep}", attendees=guests, subject=""))
    world.sync()
    world.store.add_account(Account("New", ("new.example",)))

    world.next_day()
    asked = [len(world.remote(rep).asked) for rep in (OTHER, REP)]
    world.next_day()

    assert {c.subject for c in world.copies() if c.event == "shared"} == {"Subject of shared"}
    assert [len(world.remote(rep).asked) for rep in (OTHER, REP)] == [number + 1 for number in asked]


def test_each_moment_says_what_it_did_to_the_score(world: World) -> None:
    world.remote().put(event("m1", day=20))
    world.sync()
    world.remote().put(event("m1", day=20, answer=Answer.ACCEPTED))
    world.next_day()
    first = account_report(world.store, world.settings, world.clock(), "Acme")
    world.remote().put(event("m1", day=20, answer=Answer.DECLINED))
    world.next_day()

    report = account_report(world.store, world.settings, world.clock(), "Acme")

    scores = [(round(e.score_before, 1), round(e.score_after, 1)) for e in report.effects]
    # 60 min x 0.8 x 0.75 (19 days ahead) = 0.6 h; I = 100 x 0.6 / 3.6 = 16.67; 0.6 x I + 0.4 x 50 = 30.0
    assert scores[0] == (0.0, 30.0)
    assert [e.status_after for e in report.effects] == [Status.REAL, Status.SOFT]
    assert first.effects == report.effects[:1]


def test_what_is_no_domain_is_not_suggested(world: World) -> None:
    odd = ("a@-rf.example", "b@[red].example", "c@good.example", "d@sp ace.example", "e@")
    world.remote().put(event("m", attendees=tuple(map(Attendee, odd))))
    world.sync()

    found = suggestions(world.store, world.settings, world.clock())

    assert [s.domain for s in found] == ["good.example"]


def test_an_assistant_acts_for_the_principal(world: World) -> None:
    both = (Attendee("ea@acme.example", Answer.ACCEPTED), Attendee("cfo@acme.example"))
    world.settings = replace(world.settings, delegates={"ea@acme.example": "cfo@acme.example"})
    world.remote().put(event("m", attendees=both), event("n", day=5, attendees=both[:1]))

    world.sync()

    result = account_report(world.store, world.settings, world.clock(), "Acme").result
    assert result.firm_buyers == ("cfo@acme.example",)
    assert [[b.email for b in m.buyers] for m in result.meetings] == [["cfo@acme.example"]] * 2


def test_an_assistant_may_act_for_somebody_on_no_meeting_yet(world: World) -> None:
    world.settings = replace(world.settings, delegates={"ea@acme.example": "chief@acme.example"})
    world.remote().put(event(attendees=(Attendee("ea@acme.example", Answer.ACCEPTED),)))

    world.sync()

    result = account_report(world.store, world.settings, world.clock(), "Acme").result
    assert result.firm_buyers == ("chief@acme.example",)


# --- dates of series of which only the name is told -------------------------------------------------------------------

FOUR_WEEKS = "FREQ=WEEKLY;COUNT=4"


def second_date(**more: object) -> Event:
    start = EPOCH + timedelta(days=8, hours=2)
    base = replace(event("s1/2", 8), uid="s1@x", original_start=start, status=EventStatus.CANCELLED)
    return replace(base, **more)  # type: ignore[arg-type]


def days_on(world: World) -> list[int]:
    report = account_report(world.store, world.settings, world.clock(), "Acme")
    return sorted((m.slot.start - EPOCH).days for m in report.result.meetings if not m.status.gone)


def test_a_date_called_off_by_name_takes_everything_else_from_its_series(world: World) -> None:
    world.remote().bare = True
    world.remote().put(weekly(rule=FOUR_WEEKS))
    world.sync()
    world.remote().put(second_date(attendees=()))

    world.next_day()
    world.next_day()

    assert days_on(world) == [1, 15, 22]
    assert world.changes() == [ChangeKind.CANCELLED]
    copy = next(c for c in world.copies() if c.event == "s1/2")
    assert (copy.uid, copy.subject, len(copy.versions)) == ("s1@x", "Subject of s1", 1)
    assert {p.email for p in copy.versions[0].state.people} == {ANN, REP}


def test_a_date_called_off_by_name_in_the_first_list_is_no_news(world: World) -> None:
    world.remote().bare = True
    world.remote().put(second_date(attendees=()), weekly(rule=FOUR_WEEKS))

    world.sync()

    assert days_on(world) == [1, 15, 22]
    assert world.changes() == []


def test_a_moved_date_that_is_called_off_by_name_stays_where_it_was_moved(world: World) -> None:
    world.remote().bare = True
    moved = replace(second_date(), status=EventStatus.CONFIRMED, slot=event(day=9).slot)
    world.remote().put(weekly(rule=FOUR_WEEKS), moved)
    world.sync()
    world.remote().put(replace(moved, status=EventStatus.CANCELLED))

    world.next_day()

    copy = next(c for c in world.copies() if c.event == "s1/2")
    assert [v.state.slot for v in copy.versions] == [moved.slot, moved.slot]
    assert [v.state.status for v in copy.versions] == [EventStatus.CONFIRMED, EventStatus.CANCELLED]


def test_a_date_of_a_series_that_is_not_kept_is_not_kept_either(world: World) -> None:
    world.remote().bare = True
    world.remote().put(weekly(rule=FOUR_WEEKS, attendees=()), second_date())

    (outcome,) = world.sync()

    assert world.copies() == ()
    assert outcome.skipped == ()


def test_a_date_of_a_series_that_has_become_private_is_erased_with_it(world: World) -> None:
    world.remote().bare = True
    world.remote().put(weekly(rule=FOUR_WEEKS), second_date())
    world.sync()
    world.remote().put(weekly(rule=FOUR_WEEKS, private=True), second_date())

    world.next_day()

    assert world.copies() == ()


def test_a_date_called_off_by_name_comes_back_when_it_is_listed_again(world: World) -> None:
    world.remote().bare = True
    world.remote().put(weekly(rule=FOUR_WEEKS), second_date())
    world.sync()
    world.remote().put(replace(second_date(), status=EventStatus.CONFIRMED))

    world.next_day()

    assert days_on(world) == [1, 8, 15, 22]
    assert world.changes() == [ChangeKind.RESTORED]


def test_a_date_called_off_in_an_impossible_year_is_skipped_by_name(world: World) -> None:
    far = datetime(9000, 1, 1, tzinfo=UTC)
    world.remote().bare = True
    world.remote().put(weekly(rule=FOUR_WEEKS), replace(second_date(), original_start=far))

    (outcome,) = world.sync()

    assert [item.id for item in outcome.skipped] == ["s1/2"]
    assert days_on(world) == [1, 8, 15, 22]


def test_a_cursor_that_expires_within_a_full_list_is_forgotten_once(world: World) -> None:
    world.remote().put(event())
    world.remote().broken = CursorExpired()

    (outcome,) = world.sync()

    assert outcome.problem == "the cursor has expired"
    assert world.copies() == ()


# --- full lists that take back what they said of a date ---------------------------------------------------------------


def test_a_cancelled_date_that_is_not_listed_apart_any_more_takes_place_again(world: World) -> None:
    world.remote().put(weekly(rule=FOUR_WEEKS), second_date())
    world.sync()
    world.remote().drop("s1/2")

    world.next_day()
    (again,) = world.next_day()

    assert days_on(world) == [1, 8, 15, 22]
    assert world.changes() == [ChangeKind.RESTORED]
    assert again.written == 0


def test_a_cancelled_date_that_the_series_has_lost_too_stays_cancelled_untold(world: World) -> None:
    world.remote().put(weekly(rule=FOUR_WEEKS), second_date())
    world.sync()
    without = EPOCH + timedelta(days=8, hours=2)
    rule = f"{FOUR_WEEKS}\r\nEXDATE:{without:%Y%m%dT%H%M%SZ}"
    world.remote().drop("s1/2")
    world.remote().put(weekly(rule=rule))

    world.next_day()

    assert days_on(world) == [1, 15, 22]
    assert world.changes() == []


def test_a_date_moved_into_the_past_comes_back_when_it_is_not_listed_apart_any_more(world: World) -> None:
    world.remote().put(weekly(rule=FOUR_WEEKS))
    world.sync()
    moved = replace(second_date(), status=EventStatus.CONFIRMED, slot=event(day=0).slot)
    world.clock.wait(days=2)
    world.remote().put(moved)
    world.sync()
    world.remote().drop("s1/2")

    world.next_day()

    assert days_on(world) == [1, 8, 15, 22]


# --- reading again ----------------------------------------------------------------------------------------------------


def test_an_event_that_cannot_be_read_again_is_named_and_the_rest_is_read(world: World) -> None:
    zoe = (Attendee("zoe@other.example"),)
    world.remote().put(event("m1", attendees=zoe), event("m2", 4, attendees=zoe))
    world.remote().deltas = True
    world.sync()
    world.store.add_account(Account("Other", ("other.example",)))
    world.remote().unreadable.add("m1")
    world.remote().put(event("m3"))

    (outcome,) = world.next_day()

    assert outcome.problem is None
    assert [(item.id, item.reason) for item in outcome.skipped] == [("m1", "its start cannot be read")]
    assert {c.event: c.subject for c in world.copies()} == {"m1": None, "m2": "Subject of m2", "m3": "Subject of m3"}


def test_many_events_are_read_again_with_a_whole_list_and_not_one_by_one(world: World) -> None:
    zoe = (Attendee("zoe@other.example"),)
    world.remote().put(*(event(f"m{number}", 3 + number, attendees=zoe) for number in range(60)))
    world.remote().deltas = True
    world.sync()
    world.store.add_account(Account("Other", ("other.example",)))
    world.remote().asked.clear()

    (outcome,) = world.next_day()

    assert world.remote().asked == ["pull None"]
    assert outcome.written == 0
    assert all(c.subject for c in world.copies())
    assert world.store.connection_states(world.clock(), timedelta(days=1))[0].gaps == ()


def test_a_note_on_an_event_stays_when_the_event_is_looked_up(world: World) -> None:
    world.remote().put(event(attendees=(Attendee("zoe@other.example"),)))
    world.remote().deltas = True
    world.remote().skipped = (Skipped("fake", "m1", "the others were not read"),)
    world.sync()
    world.remote().skipped = ()
    world.store.add_account(Account("Other", ("other.example",)))

    world.next_day()

    assert [item.id for item in world.store.skipped_at(world.clock())] == ["m1"]


# --- connected again --------------------------------------------------------------------------------------------------


def test_what_was_told_while_a_calendar_was_away_is_not_told_again_when_it_is_back(world: World) -> None:
    for rep in (REP, OTHER):
        world.remote(rep).put(event())
    world.sync()
    world.store.retire(f"fake:{REP}", world.clock())
    for rep in (REP, OTHER):
        world.remote(rep).put(event(status=EventStatus.CANCELLED))
    world.next_day()
    away = world.clock()

    world.store.connect(f"fake:{REP}", "fake", REP, {}, world.clock())
    world.next_day()

    assert world.changes() == [ChangeKind.CANCELLED]
    assert any(copy.absences and copy.absences[0].end is None for copy in world.store.history(away, None))
    assert all(absence.end is not None for copy in world.copies() for absence in copy.absences)
