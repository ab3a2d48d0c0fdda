"""Threads of many copies: what is asked of the directory does not grow with the square of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from datetime import timedelta
from functools import cached_property

from calsignal.directory import Directory
from calsignal.history import meetings
from calsignal.model import Copy, Slot
from worlds import ANN, REP, TWO, account, copy, dates, lens, series, state, version


class CountingDirectory(Directory):
    """A directory that notes how often it was asked whose mailbox an address is."""

    @cached_property
    def asked(self) -> Counter[str | None]:
        return Counter()

    def mailbox(self, email: str | None) -> str | None:
        self.asked[email] += 1
        return super().mailbox(email)


def exceptions(count: int) -> list[Copy]:
    starts = dates("2 Mar 10:00", count)
    apart = (state(Slot(s, s + timedelta(hours=1)), {ANN: "yes"}) for s in starts)
    listed = zip(starts, apart, strict=True)
    return [
        copy("s", series("1 Mar 8:00", starts, {ANN: "yes"})),
        *(copy("s", version("1 Mar 8:00", what), original_start=start) for start, what in listed),
    ]


def test_a_thread_asks_once_for_each_address_whose_it_is_however_many_dates_stand_apart() -> None:
    through = lens((account(),))
    who = through.directory
    directory = CountingDirectory(**{f.name: getattr(who, f.name) for f in fields(who) if f.init})

    meetings(exceptions(20), replace(through, directory=directory))

    assert directory.asked == {REP: 1, ANN: 1}


def test_an_alias_counts_as_its_mailbox_s_own_in_every_calendar_of_the_thread() -> None:
    alias = "rep.alias@ours.example"
    what = state(Slot(*(dates("2 Mar 10:00", 2, days=1))), {alias: "yes", TWO: "no", ANN: ""})
    mine = copy("m", version("1 Mar 8:00", what))
    theirs = copy("m", version("1 Mar 8:00", what), mailbox=TWO)
    stale = replace(what, people=tuple(replace(p, answer=type(p.answer).NONE) for p in what.people))
    later = version("1 Mar 9:00", stale, after="1 Mar 8:00")

    [found] = meetings([mine, replace(theirs, versions=(later,))], lens((account(),), aliases={alias: REP}))

    answers = {p.person: p.answer.value for p in found.now.merged.people}
    assert answers[alias] == "accepted"
