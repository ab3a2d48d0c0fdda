"""Turn what calendars said over time into meetings, each with its states and its changes. Pure.

Copies of one UID, or of a series that was carried on under another one, form a thread. A thread is replayed along the
moments at which any calendar was seen to say something new; at each the copies are merged, and what differs from the
merged state before is a change. So what another rep's copy merely repeats is no change, and nothing is invented at a
baseline.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from calsignal.history.families import families
from calsignal.history.states import Lens, Meeting, Seen, Track
from calsignal.history.thread import Thread
from calsignal.model import Copy

__all__ = ["Lens", "Meeting", "Seen", "Track", "meetings", "threads"]


def meetings(copies: Iterable[Copy], lens: Lens) -> tuple[Meeting, ...]:
    """Return every meeting that the copies tell of, in order of UID and original start."""
    by_uid = threads(copies, lens)
    return tuple(meeting for uid in sorted(by_uid) for meeting in _thread(uid, by_uid[uid], lens))


def threads(copies: Iterable[Copy], lens: Lens) -> Mapping[str, Sequence[Copy]]:
    """Return the copies by the UID of their meetings; a series that was carried on has that of its first half."""
    found: dict[str, list[Copy]] = defaultdict(list)
    known = list(copies)
    carried_on = families(known, lens)
    for copy in known:
        found[carried_on.get(copy.uid, copy.uid)].append(copy)
    return found


def _thread(uid: str, copies: Sequence[Copy], lens: Lens) -> Iterator[Meeting]:
    ordered = sorted(copies, key=lambda c: (c.calendar, c.event))
    return Thread(uid, ordered, lens).replay()
