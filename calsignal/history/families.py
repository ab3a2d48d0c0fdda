"""Which series are halves of one: cut by "this and following", and carried on under another UID.

Google keeps the UID (`merge.normalise_uid` sees to that); Microsoft and most calendar files give the second half a
fresh one, and nothing says whose half it is. What one sync of one calendar shows together is the evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from calsignal.history.states import Lens
from calsignal.model import Copy, Version


def families(copies: Iterable[Copy], lens: Lens) -> Mapping[str, str]:
    """Return, by the UID of each second half, the UID of the series that it carries on: the very first half's."""
    masters: dict[str, list[Copy]] = defaultdict(list)
    for copy in copies:
        if copy.original_start is None and any(version.state.recurrence for version in copy.versions):
            masters[copy.calendar].append(copy)
    found: dict[str, str] = {}
    for calendar in sorted(masters):
        for first, second in _pairs(masters[calendar], lens):
            found.setdefault(second.uid, first.uid)
    return {uid: _root(uid, found) for uid in found}


def _pairs(masters: Sequence[Copy], lens: Lens) -> Iterator[tuple[Copy, Copy]]:
    """Yield first and second halves inside one calendar, the likeliest before others; a cut makes one second half."""
    begun: dict[datetime, list[Copy]] = defaultdict(list)
    for copy in masters:
        if not copy.baseline:
            begun[copy.versions[0].seen_at].append(copy)
    fits = sorted(_fits(masters, begun, lens), key=lambda fit: (fit[0], fit[1].event, fit[2].event))
    taken: set[tuple[str, datetime]] = set()
    for _, first, second in fits:
        moment = second.versions[0].seen_at
        if not taken & {(first.event, moment), (second.event, moment)}:
            taken |= {(first.event, moment), (second.event, moment)}
            yield first, second


_Fit = tuple[bool, bool, timedelta]


def _fits(
    masters: Sequence[Copy], begun: Mapping[datetime, Sequence[Copy]], lens: Lens
) -> Iterator[tuple[_Fit, Copy, Copy]]:
    """Yield what may belong together, and how well; a second half of the same UID explains a cut already."""
    for first in masters:
        for before, after in pairwise(first.versions):
            seconds = begun.get(after.seen_at, ())
            if any(second.uid == first.uid for second in seconds):
                continue
            for second in seconds:
                fit = _fit(before, after, second.versions[0], lens)
                if fit is not None:
                    yield (first.subject != second.subject, *fit), first, second


def _fit(before: Version, after: Version, begun: Version, lens: Lens) -> tuple[bool, timedelta] | None:
    """Say how well a series carries on one that was cut in the same moment; less is better, None not at all.

    After the title, what counts is the people, then how near it begins to the first date that the other one lost.
    """
    if any(v.state.status.gone for v in (before, after, begun)) or not _same_people(after, begun):
        return None
    had, has = ([lens.at(start) for start in version.occurrences] for version in (before, after))
    lost = [start for start in had if start not in has and start > begun.seen_at]
    end = max((start for start in has if start in had), default=None)
    begin = lens.at(begun.state.slot.start)
    if not lost or end is None or min(lost) < end or begin <= end:
        return None
    return _people(after) != _people(begun), abs(begin - min(lost))


def _same_people(one: Version, other: Version) -> bool:
    """Say whether two series have one organiser, and the guests of one are all guests of the other."""
    some, others = _people(one), _people(other)
    return one.state.organizer == other.state.organizer and (some <= others or others <= some)


def _people(version: Version) -> frozenset[str]:
    return frozenset(p.person for p in version.state.people)


def _root(uid: str, found: Mapping[str, str]) -> str:
    seen = {uid}
    while (above := found.get(uid)) is not None and above not in seen:
        uid = above
        seen.add(uid)
    return uid
