"""Which series are halves of one: cut by "this and following", and carried on under another UID.

Google keeps the UID (`merge.normalise_uid` sees to that); Microsoft and most calendar files give the second half a
fresh one, and nothing says whose half it is. What one sync of one calendar shows together is the evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from calsignal.history.states import Lens
from calsignal.model import Copy, Moment, Version


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
    """Yield first and second halves inside one calendar; a cut makes one second half."""
    taken: set[tuple[str, datetime]] = set()
    for second in sorted(masters, key=lambda c: (c.versions[0].seen_at, lens.at(_begin(c)), c.event)):
        moment = second.versions[0].seen_at
        free = [first for first in masters if (first.event, moment) not in taken]
        first = _first_half(second, free, lens)
        if first is not None:
            taken.add((first.event, moment))
            yield first, second


def _begin(copy: Copy) -> Moment:
    return copy.versions[0].state.slot.start


def _root(uid: str, found: Mapping[str, str]) -> str:
    seen = {uid}
    while (above := found.get(uid)) is not None and above not in seen:
        uid = above
        seen.add(uid)
    return uid


def _first_half(second: Copy, masters: Sequence[Copy], lens: Lens) -> Copy | None:
    """Return the series that was cut where the second half begins, when both were seen at once.

    Of several that one of the same title, then the one that goes on the longest.
    """
    if second.baseline:
        return None
    begun = second.versions[0]
    cuts = [(end, c) for c in masters if c.uid != second.uid and (end := _end_of_cut(c, begun, lens)) is not None]
    cuts.sort(key=lambda cut: (cut[1].subject == second.subject, cut[0], cut[1].event))
    return cuts[-1][1] if cuts else None


def _end_of_cut(first: Copy, begun: Version, lens: Lens) -> datetime | None:
    """Return the last date left to a series that lost those after it in the moment in which another one began there."""
    pair = next(((one, other) for one, other in pairwise(first.versions) if other.seen_at == begun.seen_at), None)
    if pair is None or any(v.state.status.gone for v in (*pair, begun)) or not _same_people(pair[1], begun):
        return None
    before, after = ([lens.at(start) for start in version.occurrences] for version in pair)
    lost = [start for start in before if start not in after and start > begun.seen_at]
    end = max((start for start in after if start in before), default=None)
    if not lost or end is None or min(lost) < end or lens.at(begun.state.slot.start) <= end:
        return None
    return end


def _same_people(one: Version, other: Version) -> bool:
    """Say whether two series have one organiser, and the guests of one are all guests of the other."""
    some, others = ({p.person for p in version.state.people} for version in (one, other))
    return one.state.organizer == other.state.organizer and (some <= others or others <= some)
