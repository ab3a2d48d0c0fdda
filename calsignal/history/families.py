"""Which series are halves of one: cut by "this and following", and carried on under another UID.

Google keeps the UID (`merge.normalise_uid` sees to that); Microsoft and most calendar files give the second half a
fresh one, and nothing says whose half it is. What one sync of one calendar shows together is the evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
        for second in sorted(masters[calendar], key=lambda c: (c.versions[0].seen_at, c.event)):
            first = _first_half(second, masters[calendar], lens)
            if first is not None:
                found.setdefault(second.uid, first.uid)
    return {uid: _root(uid, found) for uid in found}


def _root(uid: str, found: Mapping[str, str]) -> str:
    seen = {uid}
    while (above := found.get(uid)) is not None and above not in seen:
        uid = above
        seen.add(uid)
    return uid


def _first_half(second: Copy, masters: Sequence[Copy], lens: Lens) -> Copy | None:
    """Return the series of the same calendar that was cut where the second half begins, when both were seen at once."""
    if second.baseline:
        return None
    begun = second.versions[0]
    cut = [first for first in masters if first.uid != second.uid and _is_cut_for(first, begun, lens)]
    alike = [first for first in cut if first.subject == second.subject]
    return min(alike or cut, key=lambda first: first.event, default=None)


def _is_cut_for(first: Copy, begun: Version, lens: Lens) -> bool:
    """Say whether a series lost its last dates in the moment in which another one began after those that it kept."""
    pair = next(((one, other) for one, other in pairwise(first.versions) if other.seen_at == begun.seen_at), None)
    if pair is None or pair[0].state.status.gone or pair[1].state.status.gone or begun.state.status.gone:
        return False
    before, after = ([lens.at(start) for start in version.occurrences] for version in pair)
    lost = [start for start in before if start not in after and start > begun.seen_at]
    kept = [start for start in after if start in before]
    ends = max(kept, default=None)
    if not lost or ends is None or min(lost) < ends or lens.at(begun.state.slot.start) <= ends:
        return False
    return _same_people(pair[1], begun)


def _same_people(one: Version, other: Version) -> bool:
    """Say whether two series have one organiser, and the guests of one are all guests of the other."""
    some, others = ({p.person for p in version.state.people} for version in (one, other))
    return one.state.organizer == other.state.organizer and (some <= others or others <= some)
