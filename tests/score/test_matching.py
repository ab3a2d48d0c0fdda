"""Bookings and held meetings are matched one to one: by the plain rule, and without comparing all with all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from calsignal.history import Meeting
from calsignal.score.constants import Constants
from calsignal.score.facts import Fact, Sight, facts
from calsignal.score.rescheduling import Unit, rebooks
from worlds import ANN, account, lens, met, slot, told, zone

MIDNIGHT = datetime(2010, 11, 7, 2, 30, tzinfo=UTC)
"""A minute before St. John's put its clocks back from 00:01 to 23:01, so that a day was over twice."""

FORTNIGHT = timedelta(days=15)
NEAR = st.sampled_from([-90, -60, -1, 0, 0, 1, 30, 60, 90]).map(lambda n: timedelta(minutes=n))
MOMENTS = (
    st.integers(-40 * 24, 40 * 24).map(lambda n: MIDNIGHT + timedelta(hours=n))
    | NEAR.map(lambda near: MIDNIGHT + near)
    | NEAR.map(lambda near: MIDNIGHT - FORTNIGHT + near)
    | NEAR.map(lambda near: MIDNIGHT + FORTNIGHT + near)
)


@dataclass(frozen=True)
class Plan:
    """A unit: when it was booked, and of each of its dates when it begins, its hours, and whether it is held."""

    booked: datetime | None
    firm_before: bool
    dates: tuple[tuple[datetime, int, bool], ...]


DATES = st.tuples(MOMENTS, st.sampled_from([0, 1, 1, 30, 200]), st.sampled_from([True, True, True, False]))
UNITS = st.builds(
    Plan,
    st.none() | MOMENTS | MOMENTS,
    st.sampled_from([False, False, False, True]),
    st.lists(DATES, min_size=1, max_size=3).map(tuple),
)
PLANS = st.lists(UNITS, max_size=12)


@dataclass(frozen=True)
class CountingSight(Sight):
    """A sight that notes how often it was asked for a day."""

    asked: list[datetime] = field(default_factory=list)

    def day(self, at: datetime) -> date:
        self.asked.append(at)
        return super().day(at)


def sight() -> CountingSight:
    return CountingSight(lens((account(),), zone=zone("America/St_Johns")), Constants(), account())


[SAMPLE] = facts(told([met("m", slot("2 Mar 10:00", 60), {ANN: "yes"})]), sight())


def units(plans: Sequence[Plan]) -> tuple[Unit, ...]:
    return tuple(unit(f"m{number:04}", plan) for number, plan in enumerate(plans))


def unit(uid: str, plan: Plan) -> Unit:
    dates = tuple(fact(uid, number, *when) for number, when in enumerate(plan.dates))
    assert dates[0].meeting is not None
    return Unit(dates[0].meeting, dates, frozenset(), [], booked=plan.booked, firm_before=plan.firm_before)


def fact(uid: str, number: int, start: datetime, hours: int, held: bool) -> Fact:
    meeting = Meeting(uid, MIDNIGHT + timedelta(days=number), None, None, baseline=False, states=(), changes=())
    view = replace(SAMPLE.view, uid=uid, original_start=meeting.original_start)
    return replace(SAMPLE, meeting=meeting, view=view, start=start, end=start + timedelta(hours=hours), held=held)


def plainly(found: Sequence[Fact], booked: Sequence[Unit], through: Sight) -> Iterator[tuple[str, Fact]]:
    """Match by the letter of the model: each booking in turn looks at every held meeting that is left."""
    free = sorted((f for f in found if f.held), key=lambda f: (f.end, f.start, f.view.uid))
    in_turn = [(u.booked, u) for u in booked if u.booked is not None and not u.firm_before]
    for at, one in sorted(in_turn, key=lambda pair: (pair[0], pair[1].uid)):
        for held in free:
            days = (through.day(at) - through.day(held.end)).days
            if held not in one.dates and held.start <= at and days <= through.constants.rebook_days:
                free.remove(held)
                yield one.uid, held
                break


TWICE = [
    Plan(None, firm_before=False, dates=((MIDNIGHT - FORTNIGHT, 1, True),)),
    Plan(MIDNIGHT, firm_before=False, dates=((MIDNIGHT + FORTNIGHT, 1, False),)),
    Plan(MIDNIGHT + timedelta(minutes=1), firm_before=False, dates=((MIDNIGHT + FORTNIGHT, 1, False),)),
]
"""The first booking is a day too late, and the second, on the evening before it, is not."""


@given(PLANS)
@example(TWICE)
def test_each_booking_takes_the_meeting_whose_window_ends_first(plans: list[Plan]) -> None:
    through, booked = sight(), units(plans)
    found = [f for u in booked for f in u.dates]

    matched = [(r.unit.uid, r.held) for r in rebooks(found, booked, through)]

    assert matched == list(plainly(found, booked, through))


def test_what_is_looked_at_grows_with_the_meetings_and_not_with_their_square() -> None:
    early, late, through = MIDNIGHT - timedelta(days=400), MIDNIGHT + timedelta(days=400), sight()
    times = [MIDNIGHT + timedelta(hours=n % 48) for n in range(400)]
    booked = units([Plan(early if n % 2 else late, False, ((at, 1, True),)) for n, at in enumerate(times)])  # noqa: FBT003

    matched = list(rebooks([u.dates[0] for u in booked], booked, through))

    assert matched == []
    assert len(through.asked) <= 4 * len(booked)
