"""The ten worked examples of the scoring model, to the printed digits. As of Mon 2026-03-16 18:00."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from calsignal.model import Status
from calsignal.score.constants import Constants
from worlds import all_day, at, copy, met, scored, slot, state, version

ANN, BOB, CFO = "ann@acme.example", "bob@acme.example", "cfo@acme.example"


def test_acme_is_real() -> None:
    copies = [
        met("m1", slot("2 Mar 10:00", 60), {ANN: "", BOB: "yes"}, organizer=ANN, created="20 Feb 12:00"),
        met("m2", slot("9 Feb 15:00", 30), {ANN: "yes"}),
        met("m3", slot("19 Mar 15:00", 45), {ANN: "yes", CFO: "yes", BOB: ""}, created="4 Mar 12:00"),
    ]

    r = scored(copies).result

    assert r.time.raw_hours == pytest.approx(4.0)
    assert r.time.firm_hours == pytest.approx(3.5)
    assert r.time.effective_hours == pytest.approx(2.5072, abs=5e-5)
    assert r.time.points == pytest.approx(45.53, abs=5e-3)
    assert r.rescheduling.points == pytest.approx(63.52, abs=5e-3)
    assert [round(a.now, 3) for a in r.rescheduling.acts] == [6.793, 6.730]
    assert r.keep == 1
    assert r.score == pytest.approx(52.7, abs=0.05)
    assert (r.status, r.rule) == (Status.REAL, 4)
    assert r.evidence == "Next: Thu 19 Mar 15:00, 45 min, 2 buyers accepted (1 silent). Last held 14 d ago."


def test_birch_is_stalled_after_a_drop() -> None:
    weekly = ["24 Jan", "31 Jan", "7 Feb", "14 Feb"]
    booked = [None, "24 Jan 12:00", "31 Jan 12:00", "7 Feb 12:00"]
    copies = [
        met(f"w{i}", slot(f"{day} 10:00", 60), {ANN: "yes"}, created=made)
        for i, (day, made) in enumerate(zip(weekly, booked, strict=True))
    ]
    later = slot("27 Feb 10:00", 60)
    copies.append(
        copy(
            "w4",
            version("10 Feb 12:00", state(later, {ANN: "yes"}), after="9 Feb 12:00"),
            version("20 Feb 12:00", state(later, {ANN: "no"}), after="19 Feb 12:00"),
        )
    )

    r = scored(copies).result

    assert (r.time.raw_hours, round(r.time.firm_hours, 4)) == (4.0, 3.6)
    assert r.time.effective_hours == pytest.approx(0.9775, abs=5e-5)
    assert r.time.points == pytest.approx(24.58, abs=5e-3)
    assert r.rescheduling.points == pytest.approx(49.96, abs=5e-3)
    assert (r.rescheduling.booked_again, r.rescheduling.dropped) == (3, 1)
    assert [a.on for a in r.rescheduling.acts if a.kind == "dropped"] == [date(2026, 3, 6)]
    assert (r.usual_gap_days, r.stall_after, r.lost_after) == (11.0, 16.5, 45.0)
    assert r.keep == pytest.approx(0.2264, abs=5e-5)
    assert r.score == pytest.approx(7.9, abs=0.05)
    assert (r.status, r.rule) == (Status.STALLED, 8)
    assert r.evidence == "Last held 30 d ago (usual gap 11 d), nothing booked."


def test_cedar_is_stalled_by_three_pushes() -> None:
    dates = ["5 Mar 10:00", "12 Mar 10:00", "19 Mar 10:00", "26 Mar 10:00"]
    versions = [version("20 Feb 12:00", state(slot(dates[0], 60), {ANN: "yes"}), after="19 Feb 12:00")]
    for declined, moved, old, new in zip(
        ["3 Mar 12:00", "8 Mar 12:00", "13 Mar 12:00"],
        ["4 Mar 12:00", "9 Mar 12:00", "14 Mar 12:00"],
        dates,
        dates[1:],
        strict=False,
    ):
        before = versions[-1].seen_at
        versions.append(version(declined, state(slot(old, 60), {ANN: "no"}), after=before))
        versions.append(version(moved, state(slot(new, 60), {ANN: "yes"}), after=declined))

    r = scored([copy("c", *versions)]).result

    assert r.time.effective_hours == pytest.approx(0.72)
    assert r.time.points == pytest.approx(19.35, abs=5e-3)
    assert r.rescheduling.points == pytest.approx(41.35, abs=5e-3)
    assert r.score == pytest.approx(28.2, abs=0.05)
    assert (r.rescheduling.pushed_by_buyer, r.rescheduling.push_days) == (3, 21)
    assert (r.status, r.rule) == (Status.STALLED, 3)
    assert r.evidence == "Booked for Thu 26 Mar, but pushed 3 times, 21 days later than first agreed."


def test_ten_invitations_to_silent_buyers_score_nothing() -> None:
    silent = {f"b{n}@acme.example": "" for n in range(5)}

    r = scored([met(f"i{n}", slot(f"{n + 1} Mar 10:00", 60), silent) for n in range(10)]).result

    assert (r.time.effective_hours, r.rescheduling.points, r.score) == (0, 0, 0)


def test_an_overlap_counts_once_at_the_larger_weight() -> None:
    copies = [
        met("a", slot("16 Mar 10:00", 60), {ANN: "yes"}),
        met("b", slot("16 Mar 10:30", 60), {ANN: "maybe"}),
    ]

    r = scored(copies).result

    assert r.time.raw_hours == pytest.approx(1.5)
    assert r.time.firm_hours == pytest.approx(1.15)


def test_one_meeting_in_two_calendars_is_one_meeting() -> None:
    when = state(slot("16 Mar 10:00", 60), {ANN: "yes", "two@ours.example": "yes"})
    copies = [
        copy("m", version("1 Mar 08:00", when)),
        copy("m", version("1 Mar 08:01", when), mailbox="two@ours.example"),
    ]

    r = scored(copies, mailboxes=frozenset({"rep@ours.example", "two@ours.example"})).result

    assert (r.time.raw_hours, round(r.time.firm_hours, 4)) == (1.0, 0.9)
    assert [m.copies for m in r.meetings] == [2]


def test_of_nine_acceptances_six_count() -> None:
    r = scored([met("m", slot("16 Mar 10:00", 60), {f"b{n}@acme.example": "yes" for n in range(9)})]).result

    assert r.time.firm_hours == pytest.approx(5.4)


def test_a_long_workshop_counts_three_hours() -> None:
    r = scored([met("m", slot("16 Mar 10:00", 300), {}, organizer=ANN)]).result

    assert r.time.firm_hours == pytest.approx(2.85)


def test_an_all_day_meeting_counts_one_hour() -> None:
    r = scored([met("m", all_day(date(2026, 3, 15)), {ANN: "yes"})]).result

    assert r.time.effective_hours == pytest.approx(0.8708, abs=5e-5)


@pytest.mark.parametrize(("minutes", "hours"), [(4, 0.0), (5, 0.075)])
def test_under_five_minutes_is_no_conversation(minutes: int, hours: float) -> None:
    r = scored([met("m", slot("16 Mar 10:00", minutes), {ANN: "yes"})]).result

    assert r.time.firm_hours == pytest.approx(hours)


def test_a_weekly_series_counts_its_past_and_the_next_date() -> None:
    first = at("19 Feb 10:00")
    dates = tuple(first + timedelta(days=7 * n) for n in range(8))
    series = state(slot("19 Feb 10:00", 30), {ANN: "yes"}, recurrence="RRULE:FREQ=WEEKLY")

    r = scored([copy("s", version("1 Jan 08:00", series, occurrences=dates))]).result

    assert r.time.firm_hours == pytest.approx(1.54)


def test_the_numbers_of_the_model_have_a_name() -> None:
    assert Constants().fingerprint() == Constants().fingerprint()
    assert len(Constants().fingerprint()) == 8
    assert Constants().fingerprint() != Constants(half_hours=4).fingerprint()
