"""Buyer-invested time, I (scoring model, part 3.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from calsignal.score.constants import Constants
from calsignal.score.facts import Fact, Sight
from calsignal.score.result import BuyerOnMeeting, BuyerTime


class Stretch(NamedTuple):
    """One person's minutes on one meeting: half-open, with what they weigh as expected and as the score counts."""

    start: datetime
    end: datetime
    firm: float
    effective: float


def buyer_time(found: Iterable[Fact], sight: Sight) -> BuyerTime:
    """Return the account's buyer-hours: booked or held, expected, and as the score counts them; then I."""
    stretches: dict[str, list[Stretch]] = defaultdict(list)
    for fact in found:
        if fact.view.counted:
            for person, stretch in _stretches(fact, sight):
                stretches[person].append(stretch)
    raw = firm = effective = 0.0
    for person in sorted(stretches):
        hours = _hours(stretches[person])
        raw, firm, effective = raw + hours[0], firm + hours[1], effective + hours[2]
    points = 100 * effective / (effective + sight.constants.half_hours)
    return BuyerTime(raw, firm, effective, points)


def _stretches(fact: Fact, sight: Sight) -> Iterator[tuple[str, Stretch]]:
    c, view = sight.constants, fact.view
    end = fact.start + timedelta(minutes=view.minutes)
    people = [row for buyer in view.buyers if buyer.weight > 0 for row in _with_guests(buyer, c)]
    if len(people) > c.max_buyers:
        people.sort(key=lambda row: (-row[1], row[0]))
    series = c.series_factor if view.series else 1.0
    for person, weight in people[: c.max_buyers]:
        yield person, Stretch(fact.start, end, weight * series, weight * view.factor)


def _with_guests(buyer: BuyerOnMeeting, c: Constants) -> Iterator[tuple[str, float]]:
    yield buyer.person, buyer.weight
    if not buyer.guests:
        return
    for number in range(min(buyer.guests, c.max_unnamed_guests)):
        yield f"{buyer.person}+{number + 1}", buyer.weight * c.unnamed_guest_factor


def _hours(stretches: list[Stretch]) -> tuple[float, float, float]:
    """Return one person's hours (booked, expected, effective); an overlap counts once, at its largest weight."""
    raw = firm = effective = 0.0
    for cluster in _clusters(stretches):
        if len(cluster) == 1:
            alone, hours = cluster[0], (cluster[0].end - cluster[0].start) / timedelta(hours=1)
            raw, firm, effective = raw + hours, firm + hours * alone.firm, effective + hours * alone.effective
            continue
        for start, end in pairwise(sorted({edge for s in cluster for edge in (s.start, s.end)})):
            over = [s for s in cluster if s.start <= start and end <= s.end]
            hours = (end - start) / timedelta(hours=1)
            raw += hours
            firm += hours * max(s.firm for s in over)
            effective += hours * max(s.effective for s in over)
    return raw, firm, effective


def _clusters(stretches: Iterable[Stretch]) -> Iterator[list[Stretch]]:
    """Yield the stretches that hang together by overlapping, so that nobody compares all with all."""
    cluster: list[Stretch] = []
    until: datetime | None = None
    for stretch in sorted(stretches, key=_span):
        if until is not None and stretch.start >= until:
            yield cluster
            cluster, until = [], None
        cluster.append(stretch)
        until = stretch.end if until is None else max(until, stretch.end)
    if cluster:
        yield cluster


_span = attrgetter("start", "end")
